"""An event loop whose clock can jump, so that a wait of ten seconds is proven without waiting them."""

import asyncio
from datetime import timedelta

import anyio.lowlevel

_ROUNDS = 20


class HurriedLoop(asyncio.SelectorEventLoop):
    """Timers see the time that was skipped as time that has passed."""

    def __init__(self) -> None:
        self._skipped = 0.0
        super().__init__()

    def time(self) -> float:
        return super().time() + self._skipped

    def skip(self, by: timedelta) -> None:
        """Let `by` pass for everything that waits on this loop."""
        self._skipped += by.total_seconds()


def skip(by: timedelta) -> None:
    """Let `by` pass on the running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HurriedLoop)
    loop.skip(by)


async def settle() -> None:
    """Let everything run that is due."""
    for _ in range(_ROUNDS):
        await anyio.lowlevel.checkpoint()
