"""Load that keeps to its own time: calls at a fixed rate, and streams that stay open."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast
from urllib.parse import urlsplit

from tests.bench.load import CALL, HEADERS

P = TypeVar("P", bound=asyncio.Protocol)

_WITHIN = 30
_EVENT = b"event: message"


@dataclass
class _Connection(asyncio.Protocol):
    """A keep-alive connection for calls whose answers say their length."""

    request: bytes
    waiting: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    received: bytes = b""
    failed: int = 0
    all_answered: asyncio.Event = field(default_factory=asyncio.Event)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def call(self, due: float) -> None:
        """Call now, or as soon as the call before is answered; its time counts from when it was due."""
        self.waiting.append(due)
        self.all_answered.clear()
        if len(self.waiting) == 1:
            self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self.failed += not head.startswith(b"HTTP/1.1 200")
        self.received = b""
        self.taken.append(time.perf_counter() - self.waiting.pop(0))
        if self.waiting:
            self.transport.write(self.request)
        else:
            self.all_answered.set()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.removeprefix(b"content-length:"))
    raise ValueError("the answer does not say its length")


async def paced_calls(
    url: str, headers: Mapping[str, str], *, connections: int, per_second: int, seconds: float
) -> list[float]:
    """How long each call took, counted from when it was due, in seconds."""
    request = _request("POST", url, headers, CALL)
    opened = [await _open(url, _Connection(request)) for _ in range(connections)]
    begun = time.perf_counter()
    for number in range(int(per_second * seconds)):
        due = begun + number / per_second
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        opened[number % connections].call(due)
    async with asyncio.timeout(_WITHIN):
        await asyncio.gather(*(each.all_answered.wait() for each in opened))
    for each in opened:
        each.transport.close()
    if failed := sum(each.failed for each in opened):
        raise RuntimeError(f"{failed} calls failed at {url}")
    return sorted(taken for each in opened for taken in each.taken)


@dataclass
class _Stream(asyncio.Protocol):
    """A stream that stays open; counts its events."""

    request: bytes
    events: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    rest: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.begun.is_set() and not data.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"no stream: {data[:200]!r}")
        self.begun.set()
        self.events += (self.rest + data).count(_EVENT)
        self.rest = data[-len(_EVENT) + 1 :]


@asynccontextmanager
async def open_streams(
    method: str, url: str, headers: Mapping[str, str], count: int
) -> AsyncIterator[Sequence[_Stream]]:
    """So many streams, from when all have begun."""
    request = _request(method, url, headers, CALL if method == "POST" else "")
    streams: list[_Stream] = []
    try:
        for _ in range(count):
            streams.append(await _open(url, _Stream(request)))
            async with asyncio.timeout(_WITHIN):
                await streams[-1].begun.wait()
        yield streams
    finally:
        for each in streams:
            each.transport.abort()


async def _open(url: str, protocol: P) -> P:
    host, port = urlsplit(url).netloc.split(":")
    await asyncio.get_running_loop().create_connection(lambda: protocol, host, int(port))
    return protocol


def _request(method: str, url: str, headers: Mapping[str, str], body: str) -> bytes:
    parts = urlsplit(url)
    lines = {"Host": parts.netloc, **HEADERS, "Content-Length": str(len(body)), **headers}
    if method == "GET":
        lines |= {"Accept": "text/event-stream"}
        lines.pop("Content-Length")
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {parts.path} HTTP/1.1\r\n{head}\r\n{body}".encode()


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of ordered values."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
