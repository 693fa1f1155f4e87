"""A server that says what a test makes it say, byte by byte if need be, and remembers what it was asked."""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
import anyio.lowlevel

_BOUND = 60
_KEPT_BY_KERNEL = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n")


@dataclass
class Peer:
    """The server's side of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: list[bytes] = field(default_factory=list)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self) -> bytes:
        """The next request, whole."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        self.requests.append(head + await self.reader.readexactly(int(length[1]) if length else 0))
        return self.requests[-1]

    async def say(self, *pieces: bytes) -> None:
        """Send each of `pieces` in a segment of its own."""
        for piece in pieces:
            if self.writer.is_closing():
                raise ConnectionResetError
            self.writer.write(piece)
            await self.writer.drain()
            # So that it is read before the next one is sent.
            await _turns()

    async def answer(self, *pieces: bytes) -> None:
        """Wait for a request, then say `pieces`."""
        await self.request()
        await self.say(*pieces)

    async def hung_up(self) -> None:
        """Return when the other side has closed the connection."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def stop_talking(self) -> None:
        """End this direction; the other one stays open."""
        self.writer.write_eof()

    def reset(self) -> None:
        """Break the connection off, as a machine does that has lost it."""
        opened: socket.socket = self.writer.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def _turns() -> None:
    """As many of the event loop's as anything takes that is under way."""
    for _ in range(3):
        await anyio.lowlevel.checkpoint()


Script: TypeAlias = Callable[[Peer], Awaitable[None]]


@dataclass
class ScriptedServer:
    """Where it is, and its side of every connection there was."""

    scripts: tuple[Script, ...]
    origin: str = ""
    peers: list[Peer] = field(default_factory=list)
    _conversations: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    @property
    def requests(self) -> list[bytes]:
        """Of all connections."""
        return [request for peer in self.peers for request in peer.requests]

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """There is a new connection."""
        script = self.scripts[min(len(self.peers), len(self.scripts) - 1)]
        self.peers.append(Peer(reader, writer))
        self._conversations.append(asyncio.ensure_future(self._converse(self.peers[-1], script)))

    async def end(self) -> None:
        """Close every connection; raises what went wrong in a script."""
        # Whoever was accepted last is here only then.
        await _turns()
        for conversation in self._conversations:
            conversation.cancel()
        outcomes = await asyncio.gather(*self._conversations, return_exceptions=True)
        for peer in self.peers:
            peer.writer.transport.abort()
        await _turns()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _converse(self, peer: Peer, script: Script) -> None:
        try:
            await script(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            peer.writer.close()
            peer.has_ended.set()


@asynccontextmanager
async def scripted(
    *scripts: Script, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedServer]:
    """A server whose first connection follows the first script, and so on; those after the last follow that one.

    Where a script ends, its connection is closed.
    """
    server = ScriptedServer(scripts)
    listening = await asyncio.start_server(server.begin, host, 0, ssl=tls)
    for listener in listening.sockets:
        # Connections inherit it: what the kernel keeps for us must not hide that nobody reads.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KEPT_BY_KERNEL)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KEPT_BY_KERNEL)
    port = listening.sockets[0].getsockname()[1]
    server.origin = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        with anyio.fail_after(_BOUND):
            yield server
    finally:
        listening.close()
        await server.end()
