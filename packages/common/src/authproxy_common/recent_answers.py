"""What was asked a moment ago: one question for all who ask at once, and its answer kept for seconds."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from authproxy_common.clock import Clock
from authproxy_common.errors import OAuthError
from authproxy_common.frozen import frozen

T = TypeVar("T")


@frozen
class _Answer(Generic[T]):
    value: T
    asked_at: datetime


@dataclass(slots=True)
class _Question(Generic[T]):
    """One that is being asked. It may end without an outcome: whoever asked it was cancelled."""

    outcome: _Answer[T] | OAuthError | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@frozen
class RecentAnswers(Generic[T]):
    """Answers by keys that are digests, in this process alone. A failure is everybody's who was waiting, and not kept.

    Whoever comes first asks, in its own task: nothing runs on that nobody waits for, and cancelling it is cancelling
    the question. Then the next of those who wait asks.

    Args:
        kept: Counted from the question, so that no answer tells of what was longer ago.
        now: The clock.
        size: How many are kept; the oldest make room.
    """

    kept: timedelta
    now: Clock
    size: int = 10_000
    _answers: OrderedDict[str, _Answer[T]] = field(default_factory=OrderedDict)
    _under_way: dict[str, _Question[T]] = field(default_factory=dict)

    async def find(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` answers, or answered to another caller with this key; raises the OAuthError that it raised."""
        while True:
            answer = self._answers.get(key)
            if answer and self._is_recent(answer):
                return answer.value
            question = self._under_way.get(key)
            if question is None:
                question = await self._ask(key, ask)
            else:
                await question.ended.wait()
            if isinstance(question.outcome, OAuthError):
                raise question.outcome
            if question.outcome:
                return question.outcome.value

    async def _ask(self, key: str, ask: Callable[[], Awaitable[T]]) -> _Question[T]:
        question: _Question[T] = _Question()
        self._under_way[key], asked_at = question, self.now()
        try:
            question.outcome = _Answer(await ask(), asked_at)
            self._keep(key, question.outcome)
        except OAuthError as error:
            question.outcome = error
        finally:
            del self._under_way[key]
            question.ended.set()
        return question

    def _keep(self, key: str, answer: _Answer[T]) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while self._answers and (len(self._answers) > self.size or not self._is_recent(self._oldest())):
            self._answers.popitem(last=False)

    def _oldest(self) -> _Answer[T]:
        return next(iter(self._answers.values()))

    def _is_recent(self, answer: _Answer[T]) -> bool:
        # The first half is for a clock that was set back.
        return timedelta(0) <= self.now() - answer.asked_at < self.kept
