"""Streams, over real sockets: each side hears of what the other does when it does it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mcp_gateway.proxy.upstream_http.limits import Limits
from mcp_gateway.proxy.upstream_http.transport import open_transport
from mcp_gateway.settings import ServerSettings
from mcp_gateway.settings.policies import ToolSettings
from tests.support.gateway import World
from tests.support.servers import serving

pytestmark = pytest.mark.anyio

_IN_LANE = "TEST_IN_LANE"


@dataclass
class GatedServer:
    """An MCP server that sends one event, and the next when the test says so."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    client_left: asyncio.Event = field(default_factory=asyncio.Event)
    answers: bool = True
    breaks: bool = False
    media_type: bytes = b"text/event-stream"
    events: tuple[bytes, bytes] = (b"data: 1\n\n", b"data: 2\n\n")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (b"mcp-name", b"first") in scope["headers"]:
            await Response()(scope, receive, send)
            return
        leaving = asyncio.ensure_future(self._until_client_leaves(receive))
        try:
            self.opened.set()
            if not self.answers:
                await self.go_on.wait()
            headers = [(b"content-type", self.media_type)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": self.events[0], "more_body": True})
            await self.go_on.wait()
            if self.breaks:
                return
            await send({"type": "http.response.body", "body": self.events[1], "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()

    async def _until_client_leaves(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.client_left.set()
        self.go_on.set()


@dataclass
class Sockets:
    """A client, a gateway and an upstream, each at an address of its own."""

    upstream: GatedServer
    http: httpx.AsyncClient
    url: str
    headers: dict[str, str]

    @asynccontextmanager
    async def stream(self, method: str = "GET", **options: Any) -> AsyncIterator[httpx.Response]:
        async with self.http.stream(method, self.url, headers=self.headers, **options) as response:
            yield response


@pytest.fixture(params=[False, True], ids=["through the application", "in the lane"], autouse=True)
def in_lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here has to be so in both."""
    monkeypatch.setenv(_IN_LANE, "yes" if request.param else "")


@asynccontextmanager
async def connected(upstream: GatedServer, max_connections: int = 100, **settings: Any) -> AsyncIterator[Sockets]:
    with anyio.fail_after(20):
        async with serving(upstream) as origin, httpx.AsyncClient(timeout=10, trust_env=False) as http:
            servers = {"default": ServerSettings(url=f"{origin}/mcp", **settings)}
            world = World(transport=open_transport(Limits(connections=max_connections)), servers=servers)
            token = (await world.tokens(await world.register()))["access_token"]
            protocol = world.gateway.protocol if os.environ[_IN_LANE] else None
            async with serving(world.app, protocol=protocol) as gateway:
                headers = {"Authorization": f"Bearer {token}", "Host": "mcp.test"}
                if protocol:
                    # From now on the token is remembered, and there is a connection.
                    await http.post(f"{gateway}/mcp", headers={**headers, "Mcp-Name": "first"})
                yield Sockets(upstream, http, f"{gateway}/mcp", headers)
                upstream.go_on.set()
            await world.transport.aclose() if world.transport else None


@pytest.mark.requirement("RS-06")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_event_arrives_before_the_next_one_is_sent(method: str) -> None:
    async with connected(GatedServer()) as sockets, sockets.stream(method) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        assert not sockets.upstream.go_on.is_set()
        sockets.upstream.go_on.set()
        assert b"".join([piece async for piece in pieces]) == b"data: 2\n\n"


EXCLUDING: dict[str, Any] = {"tools": ToolSettings(exclude_tools=("get_secret",))}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.mark.requirement("RS-06", "PO-03")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("first", [b"data: 1\n\n", b": still here\n", b"\r\n", b"id: 1\r\ndata:\r\n\r\n"])
async def test_an_event_that_is_looked_at_arrives_before_the_next_one_too(method: str, first: bytes) -> None:
    server = GatedServer(events=(first, b"data: 2\n\n"))
    options: dict[str, Any] = {"json": LIST} if method == "POST" else {}
    async with connected(server, **EXCLUDING) as sockets, sockets.stream(method, **options) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == first
        assert not sockets.upstream.go_on.is_set()
        sockets.upstream.go_on.set()
        assert b"".join([piece async for piece in pieces]) == b"data: 2\n\n"


@pytest.mark.requirement("RS-06", "PO-03")
async def test_a_list_that_cannot_be_read_breaks_a_stream_instead_of_passing() -> None:
    unreadable = b'data: {"id":1,"result":{"tools":[{"name":"get_secret"}]},"id":2}\n\n'
    server = GatedServer(events=(b"data: 1\n\n", unreadable))
    async with connected(server, **EXCLUDING) as sockets, sockets.stream(json=LIST, method="POST") as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        sockets.upstream.go_on.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(pieces)


@pytest.mark.requirement("RS-06", "OP-04", "PO-03")
async def test_a_list_whose_mcp_server_leaves_in_the_middle_is_a_bad_gateway() -> None:
    server = GatedServer(events=(b'{"id":1,"result":', b""), breaks=True, media_type=b"application/json")
    server.go_on.set()
    async with connected(server, **EXCLUDING) as sockets:
        answer = await sockets.http.post(sockets.url, headers=sockets.headers, json=LIST)
        assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")


@pytest.mark.requirement("RS-06")
async def test_a_client_that_leaves_in_the_middle_ends_the_call_at_the_mcp_server() -> None:
    async with connected(GatedServer()) as sockets:
        async with sockets.stream() as response:
            await anext(response.aiter_raw())
        await sockets.upstream.client_left.wait()


@pytest.mark.requirement("RS-06")
async def test_a_client_that_leaves_before_the_answer_ends_the_call_too() -> None:
    async with connected(GatedServer(answers=False)) as sockets:
        asking = asyncio.ensure_future(sockets.http.post(sockets.url, headers=sockets.headers, json={}))
        await sockets.upstream.opened.wait()
        asking.cancel()
        await sockets.upstream.client_left.wait()


@pytest.mark.requirement("RS-06")
async def test_an_mcp_server_that_leaves_breaks_the_stream_instead_of_ending_it_well() -> None:
    async with connected(GatedServer(breaks=True)) as sockets, sockets.stream() as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        sockets.upstream.go_on.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(pieces)


@pytest.mark.requirement("OP-04")
async def test_an_mcp_server_that_does_not_answer_is_a_bad_gateway_within_its_bound() -> None:
    async with connected(GatedServer(answers=False), response_timeout_seconds=1) as sockets:
        answer = await sockets.http.post(sockets.url, headers=sockets.headers, json={})
        assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")
        assert "in time" in answer.json()["error_description"]
        await sockets.upstream.client_left.wait()


@pytest.mark.requirement("RS-06")
async def test_many_streams_are_open_at_once() -> None:
    async with connected(GatedServer()) as sockets:
        async with all_of([sockets.stream() for _ in range(50)]) as responses:
            first = [await anext(response.aiter_raw()) for response in responses]
        assert first == [b"data: 1\n\n"] * 50


@asynccontextmanager
async def all_of(
    streams: list[contextlib.AbstractAsyncContextManager[httpx.Response]],
) -> AsyncIterator[list[httpx.Response]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(stream) for stream in streams]


@pytest.mark.requirement("RS-06", "OP-04")
async def test_clients_that_leave_at_any_moment_do_not_use_up_the_connections_to_the_mcp_server() -> None:
    async with connected(GatedServer(answers=False), max_connections=5) as sockets:
        for moment in range(300):
            await leave_after(sockets, moment % 60)
        sockets.upstream.answers = True
        sockets.upstream.go_on.set()
        answers = [sockets.http.post(sockets.url, headers=sockets.headers, json={}) for _ in range(5)]
        assert [answer.status_code for answer in await asyncio.gather(*answers)] == [200] * 5


async def leave_after(sockets: Sockets, moments: int) -> None:
    """Send a call and close the connection so many turns of the event loop later."""
    _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(sockets.url).port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in sockets.headers.items())
    writer.write(f"POST /mcp HTTP/1.1\r\n{headers}Content-Length: 2\r\n\r\n{{}}".encode())
    for _ in range(moments):
        await anyio.lowlevel.checkpoint()
    writer.transport.abort()
