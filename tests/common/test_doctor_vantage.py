"""Why there is no answer, in words, from servers that are away, slow, rude, or not believed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from authproxy_common.doctor import Failed, Skipped, is_ours, json_object
from authproxy_common.http.client import Answer
from authproxy_common.http.request_id import request_id_of_our_own
from tests.support.certificates import certificate
from tests.support.diagnosis import IMPATIENCE, closed, saying, silent, vantage
from tests.support.servers import serving

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-10", "OP-04")]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REMEDY = "do something"
OUT_OF_REACH = (
    "start the service, and let name, certificate and ingress lead to it; if this machine is not meant to reach it, as "
    "in many pods, say --inside"
)


async def nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    """An application that is never reached."""


async def unavailable(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b"hunter2"})


@pytest.fixture(
    params=[
        pytest.param("closed", id="a closed port"),
        pytest.param("silent", id="no answer"),
        pytest.param("no name", id="a name that nobody has"),
        pytest.param("certificate", id="a certificate that nobody signed"),
        pytest.param("plain", id="plain http at a port for TLS"),
        pytest.param("no http", id="no HTTP"),
    ]
)
async def unreachable(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """An origin that gives no answer, and why."""
    async with AsyncExitStack() as stack:
        match request.param:
            case "closed":
                yield closed(), "nothing listens there"
            case "silent":
                yield stack.enter_context(silent()), "no answer in time"
            case "no name":
                yield "http://nowhere.invalid", "its name cannot be resolved"
            case "certificate":
                tls = certificate(tmp_path, "127.0.0.1")
                origin = await stack.enter_async_context(serving(nothing, tls=tls))
                yield origin, "its certificate is not believed (self-signed certificate)"
            case "plain":
                origin = await stack.enter_async_context(serving(nothing))
                yield origin.replace("http:", "https:"), "it does not speak TLS as this process does"
            case _:
                port = await stack.enter_async_context(saying(b"hunter2\r\n\r\n"))
                yield f"http://127.0.0.1:{port}", "the connection broke (RemoteProtocolError)"


async def test_what_cannot_be_reached_says_why(unreachable: tuple[str, str]) -> None:
    origin, cause = unreachable
    async with vantage(patience=IMPATIENCE) as here:
        with anyio.fail_after(5), pytest.raises(Failed) as failed:
            await here.get(f"{origin}/path?state=hunter2", remedy=REMEDY)

    assert (failed.value.reason, failed.value.remedy) == (f"{origin}/path cannot be reached: {cause}", REMEDY)


@pytest.mark.parametrize("inside", [False, True])
async def test_a_public_url_out_of_reach_is_a_failure_and_from_inside_nothing_that_can_be_told(
    unreachable: tuple[str, str], inside: bool
) -> None:
    origin, cause = unreachable
    async with vantage(patience=IMPATIENCE, inside=inside) as here:
        with anyio.fail_after(5), pytest.raises(Skipped if inside else Failed) as caught:
            await here.get_public(f"{origin}/path?state=hunter2")

    reason = f"{origin}/path cannot be reached: {cause}"
    expected = {
        False: (reason, OUT_OF_REACH),
        True: (
            f"{reason}, from here",
            "ask it from where browsers are; the service itself does not need to reach it",
        ),
    }
    assert (caught.value.reason, caught.value.remedy) == expected[inside]


@pytest.mark.parametrize("inside", [False, True])
async def test_a_public_url_that_says_503_fails_from_everywhere(inside: bool) -> None:
    async with serving(unavailable) as origin, vantage(inside=inside) as here:
        with pytest.raises(Failed) as failed:
            await here.get_public(f"{origin}/path")

    assert failed.value.reason == f"{origin}/path: the other side answered 503"
    assert failed.value.remedy == "see the log of what answers there"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(Answer(404, b"{}"), "/x answers 404", id="another status"),
        pytest.param(
            Answer(200, b"<html>", {"content-type": "text/html"}),
            "/x answers something other than a JSON object (text/html)",
            id="a page",
        ),
        pytest.param(
            Answer(200, b"[]"),
            "/x answers something other than a JSON object (nothing said of its type)",
            id="another kind of JSON",
        ),
    ],
)
def test_what_is_no_document_says_what_it_is(answer: Answer, reason: str) -> None:
    with pytest.raises(Failed) as failed:
        json_object("/x", answer, remedy=REMEDY)
    assert (failed.value.reason, failed.value.remedy) == (reason, REMEDY)


def dated(at: datetime, **headers: str) -> Answer:
    return Answer(200, b"", {"date": format_datetime(at, usegmt=True), **headers})


@pytest.mark.parametrize(
    ("ahead", "words"), [(timedelta(seconds=31), "31 s ahead of"), (timedelta(minutes=-5), "300 s behind")]
)
async def test_a_clock_that_is_wrong_is_named_with_how_much(ahead: timedelta, words: str) -> None:
    async with vantage(now=lambda: NOON + ahead) as here:
        with pytest.raises(Failed) as failed:
            here.check_clock(dated(NOON))

    assert failed.value.reason == f"this machine's clock is {words} theirs"
    assert failed.value.remedy == "set both clocks by NTP; tokens are refused when clocks differ by more than 60 s"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(dated(NOON), id="the same"),
        pytest.param(dated(NOON + timedelta(seconds=30)), id="not worth a word"),
        pytest.param(dated(NOON - timedelta(hours=1), age="3600"), id="kept by a cache for an hour"),
    ],
)
async def test_a_clock_that_is_right_passes(answer: Answer) -> None:
    async with vantage(now=lambda: NOON) as here:
        assert here.check_clock(answer) == "this machine's clock agrees with theirs"


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 01 Jan 2026 12:00:00"])
async def test_an_answer_without_a_time_says_nothing_of_the_clock(date: str) -> None:
    async with vantage() as here:
        with pytest.raises(Skipped) as skipped:
            here.check_clock(Answer(200, b"", {"date": date} if date else {}))

    assert skipped.value.reason == "the answer has no Date to compare this machine's clock with"


def test_an_answer_of_ours_repeats_the_id_of_its_request() -> None:
    with request_id_of_our_own() as request_id:
        assert is_ours(Answer(404, b"", {"x-request-id": request_id}))
        assert not is_ours(Answer(404, b"", {"x-request-id": "another"}))
        assert not is_ours(Answer(404, b""))
