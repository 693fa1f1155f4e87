"""How checks run, and what an operator reads of them."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

import anyio
import pytest

from authproxy_common.doctor import Check, Failed, Finding, Outcome, Report, Skipped, examine, shown
from authproxy_common.errors import TemporarilyUnavailable

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-10")]

SHORT, LONG = timedelta(milliseconds=100), timedelta(seconds=5)
PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED


async def passes() -> str:
    return "as it should be"


async def fails() -> str:
    raise Failed("is wrong", "mend it")


async def is_skipped() -> str:
    raise Skipped("cannot be seen", "look from elsewhere")


async def breaks() -> str:
    raise ValueError("hunter2")


async def wavers() -> str:
    raise TemporarilyUnavailable("the other side did not answer", dependency="other side")


async def hangs() -> str:
    await anyio.sleep_forever()
    raise AssertionError


@pytest.mark.parametrize(
    ("examined", "expected"),
    [
        pytest.param(passes, Finding("it", PASSED, "as it should be"), id="passed"),
        pytest.param(fails, Finding("it", FAILED, "is wrong", "mend it"), id="failed"),
        pytest.param(is_skipped, Finding("it", SKIPPED, "cannot be seen", "look from elsewhere"), id="skipped"),
        pytest.param(
            breaks,
            Finding("it", FAILED, "could not be examined: ValueError", "this is a mistake of ours; please report it"),
            id="broken",
        ),
        pytest.param(
            wavers,
            Finding("it", FAILED, "the other side did not answer", "run this again, and see what is unsteady"),
            id="unsteady",
        ),
        pytest.param(
            hangs,
            Finding(
                "it", FAILED, "could not be examined within 0.1 s", "give it longer with --timeout, or see what is slow"
            ),
            id="hanging",
        ),
    ],
)
async def test_a_check_becomes_a_line_and_hides_no_other(
    examined: Callable[[], Awaitable[str]], expected: Finding
) -> None:
    with anyio.fail_after(2):
        found = await examine([Check("it", examined), Check("the other", passes)], SHORT)

    assert found == [expected, Finding("the other", PASSED, "as it should be")]


@pytest.mark.parametrize("needed", [fails, is_skipped, hangs, breaks])
async def test_what_needs_another_check_is_not_examined_without_it(needed: Callable[[], Awaitable[str]]) -> None:
    found = await examine([Check("second", breaks, needs="first"), Check("first", needed)], SHORT)

    assert found[0] == Finding("second", SKIPPED, "not examined, because first did not pass")


async def test_what_needs_another_check_comes_after_it_and_has_a_time_of_its_own() -> None:
    order: list[str] = []
    first_may_end = anyio.Event()

    async def first() -> str:
        await first_may_end.wait()
        order.append("first")
        return "done"

    async def second() -> str:
        order.append("second")
        return "done"

    async def meanwhile() -> str:
        first_may_end.set()
        return "done"

    checks = [Check("second", second, needs="first"), Check("first", first), Check("meanwhile", meanwhile)]
    found = await examine(checks, LONG)

    assert order == ["first", "second"]
    assert [finding.outcome for finding in found] == [PASSED, PASSED, PASSED]


REPORT = Report(
    "sample",
    "0123456789abcdef",
    [
        Finding("redis", PASSED, "answers"),
        Finding("clock", FAILED, "is late", "set it"),
        Finding("client metadata", SKIPPED, "is off"),
    ],
)


def test_a_person_reads_a_line_for_each_check_with_the_remedy_below() -> None:
    assert list(REPORT.lines()) == [
        "passed   redis: answers",
        "failed   clock: is late",
        "         -> set it",
        "skipped  client metadata: is off",
        "1 passed, 1 failed, 1 skipped; in the logs of whoever was asked: request id 0123456789abcdef",
    ]


def test_a_program_reads_all_of_it() -> None:
    assert json.loads(REPORT.to_json()) == {
        "service": "sample",
        "healthy": False,
        "request_id": "0123456789abcdef",
        "checks": [
            {"name": "redis", "outcome": "passed", "reason": "answers", "remedy": ""},
            {"name": "clock", "outcome": "failed", "reason": "is late", "remedy": "set it"},
            {"name": "client metadata", "outcome": "skipped", "reason": "is off", "remedy": ""},
        ],
    }


def test_what_was_skipped_is_no_failure() -> None:
    assert not REPORT.is_healthy
    assert Report("sample", "id", [finding for finding in REPORT.findings if finding.outcome != FAILED]).is_healthy


@pytest.mark.requirement("OP-02")
def test_what_others_wrote_moves_no_cursor_and_fills_no_screen() -> None:
    assert shown("\x1b[2J\r\n\u202etest") == "?[2J???test"
    assert len(shown("x" * 10_000)) == 200
