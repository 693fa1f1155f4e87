"""Requests that are sent until they are answered, and everything that they were answered with."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio
import httpx

AGAIN = {502, 503, 504}
_PAUSE, _LONGEST_PAUSE = 0.1, 2.0

Send = Callable[[], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Answer:
    """What a request was answered with, and when. The status is 0 where the connection broke."""

    at: float
    step: str
    status: int
    retry_after: str | None = None

    @property
    def is_failure(self) -> bool:
        return self.status == 0 or self.status >= 500


@dataclass
class Observed:
    """The answers that anybody got, in their order."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def failures(self) -> Sequence[Answer]:
        """Those after which somebody had to try again."""
        return [answer for answer in self.answers if answer.is_failure]

    async def insist(self, step: str, send: Send) -> tuple[httpx.Response, int]:
        """The answer to a request that may be sent again, and how often it had to be."""
        times = 0
        while True:
            answer = await self._answer(step, send)
            if answer is not None and answer.status_code not in AGAIN:
                return answer, times
            times += 1
            asked_to_wait = answer.headers.get("retry-after") if answer else None
            await anyio.sleep(min(float(asked_to_wait or _PAUSE), _LONGEST_PAUSE))

    async def _answer(self, step: str, send: Send) -> httpx.Response | None:
        try:
            answer = await send()
        except httpx.TransportError:
            self.answers.append(Answer(time.monotonic(), step, 0))
            return None
        seen = Answer(time.monotonic(), step, answer.status_code, answer.headers.get("retry-after"))
        self.answers.append(seen)
        return answer
