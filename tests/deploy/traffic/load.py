"""Sign-ins one after the other, several at a time, and people who were signed in before and go on calling."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from tests.deploy.rig.installation import Installation
from tests.deploy.traffic.observed import Observed
from tests.deploy.traffic.sign_in import Lost, SignIn

_CALLS_BEFORE_A_REFRESH = 10
_BETWEEN_CALLS = 0.2


@dataclass
class Load:
    """What is going on.

    Args:
        installation: Where.
        least: How many sign-ins there are at least.
        observed: Every answer that anybody got.
        sign_ins: Those that were begun meanwhile.
        callers: The sign-ins of those who were there before.
        calls: How many calls they made.
        signed_out: What they met that no client could go on from.
    """

    installation: Installation
    least: int
    observed: Observed = field(default_factory=Observed)
    sign_ins: list[SignIn] = field(default_factory=list)
    callers: list[SignIn] = field(default_factory=list)
    calls: int = 0
    signed_out: list[str] = field(default_factory=list)
    _is_over: bool = False
    _progress: anyio.Condition = field(default_factory=anyio.Condition)

    async def until_finished(self, number: int) -> None:
        """Return once so many sign-ins have come to an end."""
        async with self._progress:
            while sum(each.is_finished or each.lost is not None for each in self.sign_ins) < number:
                await self._progress.wait()

    async def sign_in_one_after_the_other(self) -> None:
        """Until there were enough of them, and what is done meanwhile is over."""
        while len(self.sign_ins) < self.least or not self._is_over:
            sign_in = SignIn(self.installation, self.observed)
            self.sign_ins.append(sign_in)
            await sign_in.run()
            async with self._progress:
                self._progress.notify_all()

    async def call_again_and_again(self, caller: SignIn, over: anyio.Event) -> None:
        """Until `over`, and once more then, with other tokens."""
        async with self.installation.http(caller.person) as program:
            try:
                while not over.is_set():
                    self.calls += 1
                    await caller.call(program)
                    if self.calls % _CALLS_BEFORE_A_REFRESH == 0:
                        await caller.refresh(program)
                    with anyio.move_on_after(_BETWEEN_CALLS):
                        await over.wait()
                await caller.refresh(program)
                await caller.call(program)
            except Lost as answer:
                self.signed_out.append(str(answer))

    def is_over(self) -> None:
        """What was done meanwhile is."""
        self._is_over = True


@asynccontextmanager
async def under_load(
    installation: Installation, *, sign_ins: int, at_a_time: int = 4, callers: int = 4
) -> AsyncIterator[Load]:
    """Load while the context lasts, and until there were so many `sign_ins`.

    In the end everybody who was signed in before gets other tokens and calls once more.
    """
    load = Load(installation, sign_ins)
    over = anyio.Event()
    for _ in range(callers):
        caller = SignIn(installation, Observed())
        await caller.run()
        assert caller.is_finished, caller.lost
        caller.observed = load.observed
        load.callers.append(caller)
    async with anyio.create_task_group() as calling:
        for caller in load.callers:
            calling.start_soon(load.call_again_and_again, caller, over)
        async with anyio.create_task_group() as signing_in:
            for _ in range(at_a_time if sign_ins else 0):
                signing_in.start_soon(load.sign_in_one_after_the_other)
            yield load
            load.is_over()
        over.set()
