"""Answers that are kept for a while: how many, and how long they stay in memory."""

import gc
import weakref
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from authproxy_common.recent_answers import RecentAnswers
from tests.support.clock import MovableClock

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-07")]

KEPT = timedelta(seconds=10)


class Said:
    """An answer that can be told from another, and be seen to be forgotten."""


Recent = RecentAnswers[Said]


class Questions:
    """Counts what is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def about(self, key: str) -> Callable[[], Awaitable[Said]]:
        async def ask() -> Said:
            self.asked.append(key)
            return Said()

        return ask


async def test_the_oldest_answers_make_room_for_new_ones() -> None:
    recent: Recent = RecentAnswers(KEPT, MovableClock(), size=2)
    questions = Questions()

    for key in ("a", "b", "c", "c", "b", "a", "c"):
        await recent.find(key, questions.about(key))

    assert questions.asked == ["a", "b", "c", "a"]


async def test_an_answer_that_is_asked_for_anew_is_no_longer_the_oldest() -> None:
    clock, questions = MovableClock(), Questions()
    recent: Recent = RecentAnswers(KEPT, clock, size=2)
    await recent.find("a", questions.about("a"))
    clock.advance(KEPT / 2)
    await recent.find("b", questions.about("b"))
    clock.advance(KEPT / 2)

    for key in ("a", "c", "a", "b"):
        await recent.find(key, questions.about(key))

    assert questions.asked == ["a", "b", "a", "c", "b"]


async def test_answers_past_their_time_leave_the_memory_with_the_next_one() -> None:
    clock, questions = MovableClock(), Questions()
    recent: Recent = RecentAnswers(KEPT, clock)
    said = weakref.ref(await recent.find("a", questions.about("a")))
    gc.collect()
    assert said() is not None
    clock.advance(KEPT)

    await recent.find("b", questions.about("b"))

    gc.collect()
    assert said() is None


async def test_an_answer_is_as_old_as_its_question() -> None:
    clock, questions = MovableClock(), Questions()
    recent: Recent = RecentAnswers(KEPT, clock)

    async def answer_late() -> Said:
        clock.advance(KEPT - timedelta(seconds=1))
        return await questions.about("a")()

    await recent.find("a", answer_late)
    await recent.find("a", questions.about("a"))
    assert questions.asked == ["a"]
    clock.advance(timedelta(seconds=1))
    await recent.find("a", questions.about("a"))

    assert questions.asked == ["a", "a"]


async def test_a_clock_that_is_set_back_keeps_no_answer_for_longer() -> None:
    clock, questions = MovableClock(), Questions()
    recent: Recent = RecentAnswers(KEPT, clock)
    await recent.find("a", questions.about("a"))

    clock.advance(timedelta(hours=-1))
    await recent.find("a", questions.about("a"))

    assert questions.asked == ["a", "a"]


async def test_a_fault_is_the_callers_alone_and_leaves_nothing_behind() -> None:
    recent: Recent = RecentAnswers(KEPT, MovableClock())
    questions = Questions()

    async def fail() -> Said:
        raise KeyError("a mistake of ours")

    with pytest.raises(KeyError):
        await recent.find("a", fail)

    assert isinstance(await recent.find("a", questions.about("a")), Said)
