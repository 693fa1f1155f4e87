"""What a call costs the process that makes it, by the gateway's own transport and by HTTP clients.

`make bench-transport`. CPU time (user and system) of this process alone; the server runs in another one, on another core where
there is one. Every client does every task in turn, again and again, so that whatever else the machine does meets all of them.
Clients that are not installed are left out; `pip install --target DIRECTORY aiohttp` and PYTHONPATH bring one in.
"""

import asyncio
import contextlib
import importlib.metadata
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import cast

import httpx
import uvloop

from mcp_gateway.proxy.transport import UpstreamRequest, UpstreamTransport
from mcp_gateway.proxy.upstream_http.transport import open_transport
from tests.support.httpx_transport import HttpxTransport

Call = Callable[[str], Awaitable[int]]

_ROUNDS = int(os.environ.get("ROUNDS", "5"))
_CPU_SECONDS = float(os.environ.get("SECONDS_EACH", "0.25"))
_BODY = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello, world"}}}'
_HEADERS = [
    (b"accept", b"application/json, text/event-stream"),
    (b"content-type", b"application/json"),
    (b"mcp-protocol-version", b"2025-11-25"),
    (b"mcp-session-id", b"8f14e45fceea167a5a36dedd4bea2543"),
    (b"x-request-id", b"0123456789abcdef"),
]
_BOUND = timedelta(seconds=30)


def _json(size: int) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-store\r\ncontent-length: %d\r\n\r\n"
    return head % size + b"x" * size


def _events(count: int) -> bytes:
    event = b'event: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\r\n\r\n'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n" % (len(event), event) * count + b"0\r\n\r\n"


ANSWERS = {"json": _json(140), "64KB": _json(65536), "sse": _events(10)}


class Stub(asyncio.Protocol):
    """Answers whatever its path asks for, at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.heard = b""

    def data_received(self, data: bytes) -> None:
        self.heard += data
        # Some clients send head and body apart.
        if self.heard.endswith(_BODY):
            path = self.heard[6 : self.heard.index(b" ", 6)].decode()
            self.heard = b""
            self.transport.write(ANSWERS[path])


def serve(port: Connection) -> None:
    """The server's process."""
    _pin(-1)

    async def listen() -> None:
        server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, backlog=1024)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(listen())


@asynccontextmanager
async def through(transport: UpstreamTransport) -> AsyncIterator[Call]:
    """By the port that the proxy uses."""

    async def call(url: str) -> int:
        async with transport.send(UpstreamRequest("POST", url, _HEADERS, _BODY, _BOUND, _BOUND)) as response:
            return sum([len(piece) async for piece in response.pieces])

    yield call
    await transport.aclose()


def ours() -> AbstractAsyncContextManager[Call]:
    return through(open_transport())


def httpx_transport() -> AbstractAsyncContextManager[Call]:
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=30)
    return through(HttpxTransport(httpx.AsyncClient(limits=limits, follow_redirects=False, trust_env=False)))


@asynccontextmanager
async def aiohttp() -> AsyncIterator[Call]:
    import aiohttp as library

    headers = {name.decode(): value.decode() for name, value in _HEADERS}
    timeout = library.ClientTimeout(total=None, sock_connect=5, sock_read=30)
    connector = library.TCPConnector(limit=1000)
    async with library.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=library.DummyCookieJar()
    ) as session:

        async def call(url: str) -> int:
            async with session.post(url, headers=headers, data=_BODY, allow_redirects=False) as response:
                return sum([len(piece) async for piece in response.content.iter_any()])

        yield call


@asynccontextmanager
async def pyreqwest() -> AsyncIterator[Call]:
    from pyreqwest.client import ClientBuilder

    headers = {name.decode(): value.decode() for name, value in _HEADERS}
    builder = ClientBuilder().http1_only().max_connections(1000).no_proxy().read_timeout(_BOUND)
    async with builder.build() as client:

        async def call(url: str) -> int:
            async with client.post(url).headers(headers).body_bytes(_BODY).build_streamed() as response:
                taken = 0
                while piece := await response.body_reader.read_chunk():
                    taken += len(piece)
                return taken

        yield call


@asynccontextmanager
async def niquests() -> AsyncIterator[Call]:
    from niquests import AsyncSession

    headers = {name.decode(): value.decode() for name, value in _HEADERS}
    async with AsyncSession(pool_connections=1000, pool_maxsize=1000, disable_http2=True, disable_http3=True) as session:

        async def call(url: str) -> int:
            response = await session.post(url, headers=headers, data=_BODY, stream=True, allow_redirects=False)
            return sum([len(piece) async for piece in await response.iter_raw(65536)])

        yield call


@asynccontextmanager
async def httpx2() -> AsyncIterator[Call]:
    import httpx2 as library

    headers = [(name.decode(), value.decode()) for name, value in _HEADERS]
    limits = library.Limits(max_connections=1000, max_keepalive_connections=1000, keepalive_expiry=30)
    async with library.AsyncClient(limits=limits, follow_redirects=False, trust_env=False) as client:

        async def call(url: str) -> int:
            async with client.stream("POST", url, headers=headers, content=_BODY) as response:
                return sum([len(piece) async for piece in response.aiter_raw()])

        yield call


CLIENTS: dict[str, Callable[[], AbstractAsyncContextManager[Call]]] = {
    "ours": ours,
    "pyreqwest": pyreqwest,
    "aiohttp": aiohttp,
    "httpx2": httpx2,
    "niquests": niquests,
    "httpx": httpx_transport,
}
TASKS = [(answer, at_once) for answer in ANSWERS for at_once in (1, 32, 128)]


async def cost(call: Call, url: str, at_once: int, calls: int) -> float:
    """CPU µs for each of `calls`."""
    left = calls

    async def one_after_the_other() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await call(url)

    await asyncio.gather(*(call(url) for _ in range(at_once)))
    began = time.process_time()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return (time.process_time() - began) / calls * 1e6


async def measure(origin: str) -> dict[tuple[str, str, int], float]:
    """The median of each client's costs of each task."""
    costs: dict[tuple[str, str, int], list[float]] = {}
    for client in _installed():
        async with CLIENTS[client]() as call:
            for answer, at_once in TASKS:
                costs[client, answer, at_once] = [await cost(call, f"{origin}/{answer}", at_once, 4 * at_once)]
    for _ in range(_ROUNDS):
        for answer, at_once in TASKS:
            for client in _installed():
                seen = costs[client, answer, at_once]
                calls = max(at_once, int(_CPU_SECONDS * 1e6 / seen[-1]))
                async with CLIENTS[client]() as call:
                    seen.append(await cost(call, f"{origin}/{answer}", at_once, calls))
    return {task: statistics.median(seen[1:]) for task, seen in costs.items()}


def _installed() -> list[str]:
    return [client for client in CLIENTS if client == "ours" or _version(client)]


def _version(client: str) -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(client)
    return ""


def _pin(index: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[index]})


def main() -> None:
    """Print CPU µs of a call, and how many times ours that is."""
    here, there = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    if not here.poll(20):
        sys.exit("the server does not start")
    origin = f"http://127.0.0.1:{here.recv()}"
    _pin(0)
    try:
        costs = uvloop.run(measure(origin))
    finally:
        server.terminate()
        server.join()
    print("CPU µs of a call, and in brackets how many times ours\n")
    print(f"{'':18}" + "".join(f"{answer + ' ×' + str(at_once):>16}" for answer, at_once in TASKS))
    for client in _installed():
        row = ""
        for task in TASKS:
            mine, own = costs[client, *task], costs["ours", *task]
            row += f"{mine:9.1f} ({mine / own:4.1f})"
        print(f"{client + ' ' + _version(client):18}" + row)


if __name__ == "__main__":
    main()
