"""The MCP server behind every contestant, `python -m tests.bench.upstream PORT`: a bare protocol, to be no bottleneck.

What it answers is chosen by the first part of the path: `/json` a tool's result, `/k64` and `/m1` a long one, `/burst`
ten events at once, `/paced` an event every ten milliseconds, `/idle` a stream without any, `/auth` nothing.
"""

import asyncio
import re
import sys
from collections.abc import Callable
from typing import cast

import uvloop

EVENT_EVERY = 0.01
EVENTS_IN_A_BURST = 10

_ID = re.compile(rb'"id"\s*:\s*("[^"]*"|\d+)')
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_METHOD = re.compile(rb'"method"\s*:\s*"([^"]+)"')

_INITIALIZED = (
    b'{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}'
)
_TOOLS = b'{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}'
_EVENT = b'event: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\r\n\r\n'


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_CHUNKED_EVENT = _chunk(_EVENT)


def _json(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _text_result(length: int) -> bytes:
    return b'{"content":[{"type":"text","text":"' + b"x" * length + b'"}]}'


_RESULTS = {b"json": _text_result(100), b"k64": _text_result(64 * 1024), b"m1": _text_result(1024 * 1024)}


class Upstream(asyncio.Protocol):
    """One connection. Requests come one after the other, as the contestants send them."""

    def __init__(self) -> None:
        self.received = b""
        self.ticking: asyncio.TimerHandle | None = None
        self.streams: dict[bytes, Callable[[], None]] = {
            b"burst": self._burst,
            b"paced": self._begin_pace,
            b"idle": lambda: self.transport.write(_STREAM_HEAD),
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ticking:
            self.ticking.cancel()

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self.received, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.received) < whole:
                return
            request, self.received = self.received[:whole], self.received[whole:]
            self._answer(request, request[end + 4 :])

    def _answer(self, request: bytes, message: bytes) -> None:
        kind = request.split(b"/", 2)[1].split(b" ", 1)[0]
        method = _METHOD.search(message)
        asked = method[1] if method else b""
        if kind in self.streams and asked not in {b"initialize", b"tools/list"}:
            self.streams[kind]()
        elif kind == b"auth" or asked.startswith(b"notifications/"):
            self.transport.write(
                b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % (b"200 OK" if kind == b"auth" else b"202 Accepted")
            )
        else:
            number = _ID.search(message)
            result = {b"initialize": _INITIALIZED, b"tools/list": _TOOLS}.get(asked) or _RESULTS[kind]
            self.transport.write(
                _json(b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (number[1] if number else b"1", result))
            )

    def _burst(self) -> None:
        self.transport.write(_STREAM_HEAD + _CHUNKED_EVENT)
        for _ in range(EVENTS_IN_A_BURST - 1):
            self.transport.write(_CHUNKED_EVENT)
        self.transport.write(b"0\r\n\r\n")

    def _begin_pace(self) -> None:
        self.transport.write(_STREAM_HEAD)
        self._tick()

    def _tick(self) -> None:
        self.transport.write(_CHUNKED_EVENT)
        self.ticking = asyncio.get_running_loop().call_later(EVENT_EVERY, self._tick)


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
