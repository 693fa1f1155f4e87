"""Deadlines, without a timer for each: one look at everything, a few times a second, while there is anything."""

import asyncio
from collections.abc import Callable
from datetime import timedelta


class Sweeper:
    """Calls `sweep` again and again until that says that nothing is left.

    Args:
        sweep: Ends what is overdue at the given time, in monotonic seconds; whether to look again.
        every: How often.
    """

    def __init__(self, sweep: Callable[[float], bool], every: timedelta) -> None:
        self._sweep = sweep
        self._every = every.total_seconds()
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """There is something to look at."""
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(self._every, self._look)

    def stop(self) -> None:
        """There is nothing any more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        self._next = None
        if self._sweep(asyncio.get_running_loop().time()):
            self.start()
