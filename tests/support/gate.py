"""A place where a fake makes its caller wait for as long as a test wants."""

from dataclasses import dataclass, field

import anyio

_BOUND = 5


@dataclass(frozen=True)
class Gate:
    """Holds a request back between its arrival and its answer."""

    reached: anyio.Event = field(default_factory=anyio.Event)
    opened: anyio.Event = field(default_factory=anyio.Event)

    async def wait_until_reached(self) -> None:
        """Return once a request waits here; fail when none comes."""
        with anyio.fail_after(_BOUND):
            await self.reached.wait()
