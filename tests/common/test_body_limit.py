"""How much of a request is taken in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from authproxy_common.http.body_limit import BodyLimit

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-05")]

LIMIT = 10


@dataclass
class Reader:
    """An application that counts what it was given to read."""

    requests: int = 0
    taken: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        async for chunk in Request(scope, receive).stream():
            self.taken += len(chunk)
        await JSONResponse({"taken": self.taken})(scope, receive, send)


async def in_chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def posted(
    reader: Reader, content: bytes | AsyncIterator[bytes], headers: list[tuple[bytes, bytes]] | None = None
) -> httpx.Response:
    transport = httpx.ASGITransport(BodyLimit(reader, limit=LIMIT))
    async with httpx.AsyncClient(transport=transport, base_url="https://mcp.test") as http:
        return await http.post("/", content=content, headers=headers)


@pytest.mark.parametrize("length", [0, 1, LIMIT])
async def test_a_body_up_to_the_limit_is_taken(length: int) -> None:
    assert (await posted(Reader(), b"x" * length)).json() == {"taken": length}
    assert (await posted(Reader(), in_chunks(*[b"x"] * length))).json() == {"taken": length}


async def test_a_longer_body_that_is_announced_is_refused_before_anything_is_read() -> None:
    reader = Reader()

    response = await posted(reader, b"x" * (LIMIT + 1))

    assert (response.status_code, reader.requests) == (413, 0)
    assert response.headers["connection"] == "close"
    assert response.json() == {
        "error": "invalid_request",
        "error_description": "the body is longer than 10 bytes",
        "request_id": "-",
    }


async def test_a_longer_body_that_is_not_announced_is_refused_where_it_passes_the_limit() -> None:
    reader = Reader()

    response = await posted(reader, in_chunks(b"x" * LIMIT, b"x", b"never read"))

    assert (response.status_code, reader.taken) == (413, LIMIT)
    assert response.headers["connection"] == "close"


async def test_a_body_longer_than_it_was_announced_is_refused_too() -> None:
    reader = Reader()

    response = await posted(reader, in_chunks(b"x" * LIMIT, b"x"), [(b"Content-Length", b"1")])

    assert (response.status_code, reader.taken) == (413, LIMIT)


async def test_an_answer_that_has_begun_is_not_followed_by_another() -> None:
    sent: list[Message] = []

    async def begin_then_read(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * (LIMIT + 1), "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    await BodyLimit(begin_then_read, limit=LIMIT)({"type": "http", "headers": []}, receive, send)

    assert [message["type"] for message in sent] == ["http.response.start"]


@pytest.mark.parametrize(
    "announced",
    [
        pytest.param(b"11", id="too long"),
        pytest.param(b"-1", id="negative"),
        pytest.param(b"+1", id="signed"),
        pytest.param(b"1_0", id="underscore"),
        pytest.param(b"0x1", id="hex"),
        pytest.param(b"\xb2", id="superscript two"),
        pytest.param(b"1, 1", id="two"),
        pytest.param(b"", id="empty"),
        pytest.param(b"9" * 5000, id="too long to read"),
    ],
)
async def test_a_length_that_is_not_a_small_number_is_refused(announced: bytes) -> None:
    reader = Reader()

    response = await posted(reader, b"", [(b"Content-Length", announced)])

    assert (response.status_code, reader.requests) == (413, 0)
