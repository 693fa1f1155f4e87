"""A TCP proxy that keeps one reply back: until told otherwise, or for good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketAttribute, SocketStream

_GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


@dataclass
class LossyProxy:
    """Stands before a server.

    Args:
        upstream: The server's port.
        command: The reply to the first request with these bytes is kept back until `release` is set.
        loses: Whether that reply is lost then, and its connection with it; else it arrives late.
        reached: Set when the server has replied.
    """

    upstream: int
    command: bytes = b""
    loses: bool = True
    port: int = 0
    reached: anyio.Event = field(default_factory=anyio.Event)
    release: anyio.Event = field(default_factory=anyio.Event)
    seen: list[bytes] = field(default_factory=list)

    async def relay(self, client: SocketStream) -> None:
        async with client, await anyio.connect_tcp("127.0.0.1", self.upstream) as server:
            keeping_back = anyio.Event()
            async with anyio.create_task_group() as both_ways:
                both_ways.start_soon(self._requests, client, server, keeping_back)
                await self._replies(server, client, keeping_back)
                both_ways.cancel_scope.cancel()

    async def _requests(self, client: SocketStream, server: SocketStream, keeping_back: anyio.Event) -> None:
        try:
            while True:
                request = await client.receive()
                self.seen.append(request)
                if self.command and self.command in request:
                    self.command = b""
                    keeping_back.set()
                await server.send(request)
        except _GONE:
            await server.aclose()

    async def _replies(self, server: SocketStream, client: SocketStream, keeping_back: anyio.Event) -> None:
        try:
            while True:
                reply = await server.receive()
                if keeping_back.is_set():
                    self.reached.set()
                    await self.release.wait()
                    if self.loses:
                        return
                await client.send(reply)
        except _GONE:
            return


@asynccontextmanager
async def lossy_proxy(upstream: int) -> AsyncIterator[LossyProxy]:
    """A proxy before the server at the port `upstream`, until the context ends."""
    proxy = LossyProxy(upstream)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as connections:
        proxy.port = int(listener.extra(SocketAttribute.local_port))
        connections.start_soon(listener.serve, proxy.relay)
        yield proxy
        connections.cancel_scope.cancel()
