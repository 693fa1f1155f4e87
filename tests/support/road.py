"""A gateway with its lane at an address, before an MCP server."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
from starlette.types import Receive, Scope, Send

from mcp_gateway.proxy.upstream_http.limits import Limits
from mcp_gateway.proxy.upstream_http.transport import open_transport
from mcp_gateway.settings import ServerSettings
from tests.support.gateway import EchoServer, World
from tests.support.servers import serving

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {}}}
BODY = json.dumps(CALL).encode()


@dataclass
class Road:
    """A gateway at an address, with its lane; the requests that its application looked at, and who is connected."""

    world: World
    http: httpx.AsyncClient
    url: str
    token: str
    port: int
    looked_at: list[Scope] = field(default_factory=list)
    visitors: list[asyncio.Protocol] = field(default_factory=list)

    async def call(self, **options: Any) -> httpx.Response:
        """An MCP call with the token; options are httpx's, and headers without a value are left out."""
        headers: dict[str, str | None] = {"Authorization": f"Bearer {self.token}", "Host": "mcp.test"}
        headers |= {"Content-Type": "application/json", **options.pop("headers", {})}
        options = {"content": BODY, "method": "POST", "url": self.url} | options
        return await self.http.request(headers={n: v for n, v in headers.items() if v is not None}, **options)

    async def passes(self, **options: Any) -> tuple[bool, httpx.Response]:
        """Whether the call passes beside the application, and its answer."""
        before = len(self.looked_at)
        answer = await self.call(**options)
        return len(self.looked_at) == before, answer

    async def say(self, *requests: bytes) -> bytes:
        """All that is answered to `requests`, sent in one piece, the last of which ends the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"".join(requests))
        answered = await reader.read()
        writer.close()
        return answered

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection of one's own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    def request(self, *headers: str, body: bytes = BODY) -> bytes:
        """A call as bytes."""
        lines = ["POST /mcp HTTP/1.1", "Host: mcp.test", f"Authorization: Bearer {self.token}", *headers]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@asynccontextmanager
async def road(
    upstream: Any = None,
    *,
    remembered: bool = True,
    limits: Limits | None = None,
    adapter: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Road]:
    """Everything started.

    Args:
        upstream: The MCP server's application.
        remembered: Whether the caller is known already.
        limits: Of the connections to the MCP server.
        adapter: Settings of the gateway.
        settings: Of the MCP server.
    """
    echo = EchoServer()
    with anyio.fail_after(20):
        async with serving(upstream or echo.app()) as origin, httpx.AsyncClient(timeout=10, trust_env=False) as http:
            transport = open_transport(limits)
            server = ServerSettings(**{"url": f"{origin}/mcp"} | settings)
            other = ServerSettings(url=f"{origin}/other")
            world = World(
                transport=transport, upstream=echo, servers={"default": server, "other": other}, **(adapter or {})
            )
            token = (await world.tokens(await world.register()))["access_token"]
            seen: list[Scope] = []
            visitors: list[asyncio.Protocol] = []

            async def watched(scope: Scope, receive: Receive, send: Send) -> None:
                seen.append(scope)
                await world.app(scope, receive, send)

            def visitor(**options: Any) -> asyncio.Protocol:
                assert world.gateway.protocol
                visitors.append(world.gateway.protocol(**options))
                return visitors[-1]

            async with serving(watched, protocol=visitor) as gateway:
                found = Road(world, http, f"{gateway}/mcp", token, int(gateway.rpartition(":")[2]), seen, visitors)
                if remembered:
                    assert (await found.call()).status_code == 200
                yield found
            await transport.aclose()


async def answer_from(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head)
    assert found
    return head, await reader.readexactly(int(found[1]))
