"""Requests whose end two programs could see differently, over a raw socket against the real server."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authproxy_common.http.assembly import Surroundings, layered
from authproxy_common.http.body_limit import UnambiguousFraming
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.pages import Pages
from tests.support.servers import serving

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-05")]

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: mcp.test\r\n\r\n"
CHUNKED = b"5\r\nhello\r\n0\r\n\r\n"


@dataclass
class Site:
    """An application that remembers what reached it."""

    served: list[str] = field(default_factory=list)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.served.append(scope["path"])
        body = await Request(scope, receive).body()
        self.headers = scope["headers"]
        await Response(b"got " + body)(scope, receive, send)


@pytest.fixture(scope="module")
async def server(pages: Pages) -> AsyncIterator[tuple[Site, int]]:
    site = Site()
    metrics = Metrics()
    around = Surroundings(HealthEndpoints({}, metrics), metrics, pages, https=True, body_limit=100, management_port=0)
    async with serving(layered(site, [], around)) as origin:
        yield site, int(origin.rpartition(":")[2])


@pytest.fixture
def site(server: tuple[Site, int]) -> Site:
    site, _ = server
    site.served.clear()
    return site


@pytest.fixture
def port(server: tuple[Site, int]) -> int:
    return server[1]


async def conversation(port: int, sent: bytes) -> bytes:
    """Everything that the server says to `sent` until it closes the connection."""
    heard = b""
    with anyio.fail_after(5):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(sent)
            try:
                while True:
                    heard += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return heard


def post(*headers: bytes, body: bytes) -> bytes:
    return b"\r\n".join([b"POST /first HTTP/1.1", b"Host: mcp.test", *headers, b"", b""]) + body


LENGTH, ENCODING = b"Content-Length: 5", b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(post(LENGTH, ENCODING, body=CHUNKED), id="length, then chunks"),
        pytest.param(post(ENCODING, LENGTH, body=CHUNKED), id="chunks, then length"),
        pytest.param(post(b"transfer-encoding: Chunked", b"CONTENT-LENGTH: 0", body=CHUNKED), id="in another case"),
        pytest.param(post(ENCODING, b"Content-Length: 60", body=b"0\r\n\r\n"), id="a length beyond the chunks"),
        pytest.param(post(LENGTH, b"X: y", ENCODING, body=CHUNKED), id="apart from each other"),
        pytest.param(post(ENCODING, ENCODING, body=CHUNKED), id="the same encoding twice"),
        pytest.param(post(LENGTH, LENGTH, body=b"hello"), id="the same length twice"),
        pytest.param(post(LENGTH, b"Content-Length: 50", body=b"hello"), id="two lengths"),
        pytest.param(post(b"Content-Length: 5, 50", body=b"hello"), id="two lengths in one header"),
    ],
)
async def test_a_request_with_two_lengths_is_refused_before_the_application_and_its_connection_closed(
    site: Site, port: int, request_: bytes
) -> None:
    heard = await conversation(port, request_ + SMUGGLED)

    assert heard.startswith(b"HTTP/1.1 400 ")
    assert heard.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in heard.lower()
    assert site.served == []


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(post(ENCODING, b"Transfer-Encoding: identity", body=CHUNKED), id="identity after chunked"),
        pytest.param(post(b"Transfer-Encoding: chunked, x", body=CHUNKED), id="chunked is not the last"),
        pytest.param(post(b"Transfer-Encoding: xchunked", body=CHUNKED), id="unknown encoding"),
        pytest.param(post(b"Content-Length : 5", body=b"hello"), id="space before the colon"),
        pytest.param(post(b"Content-Length: +5", body=b"hello"), id="signed length"),
        pytest.param(post(ENCODING, body=b"5 \r\nhello\r\n0\r\n\r\n"), id="space after the size of a chunk"),
        pytest.param(post(ENCODING, body=b"5\nhello\n0\n\n"), id="bare line feeds"),
    ],
)
async def test_what_follows_a_request_without_a_clear_end_is_not_served(site: Site, port: int, request_: bytes) -> None:
    heard = await conversation(port, request_ + SMUGGLED)

    assert heard.startswith(b"HTTP/1.1 400 ")
    assert heard.count(b"HTTP/1.1 ") == 1
    assert "/smuggled" not in site.served


async def test_a_smuggled_request_that_comes_later_is_not_served_either(site: Site, port: int) -> None:
    with anyio.fail_after(5):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(post(LENGTH, ENCODING, body=CHUNKED))
            heard = await stream.receive()
            with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                await stream.send(SMUGGLED)
                while True:
                    heard += await stream.receive()

    assert heard.count(b"HTTP/1.1 ") == 1
    assert site.served == []


async def test_requests_with_one_length_share_a_connection(site: Site, port: int) -> None:
    last = b"GET /last HTTP/1.1\r\nHost: mcp.test\r\nConnection: close\r\n\r\n"

    heard = await conversation(port, post(LENGTH, body=b"hello") + post(ENCODING, body=CHUNKED) + last)

    assert heard.count(b"HTTP/1.1 200 ") == 3
    assert heard.count(b"got hello") == 2
    assert site.served == ["/first", "/first", "/last"]


async def test_a_body_that_is_announced_too_long_is_refused_and_never_read_as_a_request(site: Site, port: int) -> None:
    heard = await conversation(port, post(b"Content-Length: 101", body=SMUGGLED))

    assert heard.startswith(b"HTTP/1.1 413 ")
    assert heard.count(b"HTTP/1.1 ") == 1
    assert site.served == []


async def test_a_body_that_turns_out_too_long_is_refused_and_its_connection_closed(site: Site, port: int) -> None:
    chunks = (b"60\r\n" + b"x" * 0x60 + b"\r\n") * 2 + b"0\r\n\r\n"

    heard = await conversation(port, post(ENCODING, body=chunks + SMUGGLED))

    assert heard.startswith(b"HTTP/1.1 413 ")
    assert heard.count(b"HTTP/1.1 ") == 1
    assert site.served == ["/first"]


@pytest.mark.parametrize(
    "lengths",
    [
        pytest.param([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")], id="length and encoding"),
        pytest.param([(b"transfer-encoding", b"chunked"), (b"content-length", b"1")], id="encoding and length"),
        pytest.param([(b"content-length", b"1"), (b"content-length", b"1")], id="two lengths"),
        pytest.param([(b"transfer-encoding", b"x"), (b"transfer-encoding", b"chunked")], id="two encodings"),
    ],
)
async def test_two_lengths_are_refused_here_too_whatever_the_server_lets_through(
    site: Site, lengths: list[tuple[bytes, bytes]]
) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("nobody may read such a body")

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"mcp.test"), *lengths]
    await UnambiguousFraming(site)({"type": "http", "path": "/first", "headers": headers}, receive, send)

    assert sent[0]["status"] == 400
    assert (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["error"] == "invalid_request"
    assert site.served == []


async def test_what_is_not_http_passes_unchanged() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(_message: object) -> None: ...

    guarded: ASGIApp = UnambiguousFraming(app)
    await guarded({"type": "lifespan"}, receive, send)

    assert seen == ["lifespan"]


@pytest.mark.parametrize("pieces", [1, 2], ids=["at once", "afterwards"])
async def test_what_comes_behind_a_body_is_no_header(site: Site, port: int, pieces: int) -> None:
    trailers = b"Authorization: Bearer x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
    request = post(ENCODING, b"Connection: close", body=CHUNKED.removesuffix(b"\r\n"))
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        for piece in (request + trailers,) if pieces == 1 else (request, trailers):
            await stream.send(piece)
            while pieces == 2 and not site.served:
                await anyio.lowlevel.checkpoint()
        with anyio.fail_after(5):
            assert b"got hello" in await stream.receive()
    assert [name for name, _ in site.headers] == [b"host", b"transfer-encoding", b"connection"]
