"""HTTP clients, all in one form: a call, and the size of its answer. Each is as sparing as its documents allow."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from importlib import import_module

import httpx

from mcp_gateway.proxy.transport import UpstreamRequest, UpstreamTransport
from mcp_gateway.proxy.upstream_http.transport import open_transport
from tests.support.httpx_transport import HttpxTransport

Call = Callable[[str], Awaitable[int]]

BODY = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello, world"}}}'
_RAW_HEADERS = [
    (b"accept", b"application/json, text/event-stream"),
    (b"content-type", b"application/json"),
    (b"mcp-protocol-version", b"2025-11-25"),
    (b"mcp-session-id", b"8f14e45fceea167a5a36dedd4bea2543"),
    (b"x-request-id", b"0123456789abcdef"),
]
_HEADERS = {name.decode(): value.decode() for name, value in _RAW_HEADERS}
_BOUND = timedelta(seconds=30)
_MOST = 1000


@asynccontextmanager
async def _by_port(transport: UpstreamTransport) -> AsyncIterator[Call]:
    async def call(url: str) -> int:
        async with transport.send(UpstreamRequest("POST", url, _RAW_HEADERS, BODY, _BOUND, _BOUND)) as response:
            return sum([len(piece) async for piece in response.pieces])

    yield call
    await transport.aclose()


def _ours() -> AbstractAsyncContextManager[Call]:
    return _by_port(open_transport())


def _httpx() -> AbstractAsyncContextManager[Call]:
    # As the gateway had it.
    limits = httpx.Limits(max_connections=_MOST, max_keepalive_connections=100, keepalive_expiry=30)
    return _by_port(HttpxTransport(httpx.AsyncClient(limits=limits, follow_redirects=False, trust_env=False)))


# The others are imported when they are asked for: they need not be there.


@asynccontextmanager
async def _httpx2() -> AsyncIterator[Call]:
    library = import_module("httpx2")
    limits = library.Limits(max_connections=_MOST, max_keepalive_connections=_MOST, keepalive_expiry=30)
    async with library.AsyncClient(limits=limits, follow_redirects=False, trust_env=False) as client:

        async def call(url: str) -> int:
            async with client.stream("POST", url, headers=_HEADERS, content=BODY) as response:
                return sum([len(piece) async for piece in response.aiter_raw()])

        yield call


@asynccontextmanager
async def _aiohttp() -> AsyncIterator[Call]:
    library = import_module("aiohttp")
    async with library.ClientSession(
        connector=library.TCPConnector(limit=_MOST),
        timeout=library.ClientTimeout(total=None, sock_connect=5, sock_read=30),
        auto_decompress=False,
        cookie_jar=library.DummyCookieJar(),
    ) as session:

        async def call(url: str) -> int:
            async with session.post(url, headers=_HEADERS, data=BODY, allow_redirects=False) as response:
                return sum([len(piece) async for piece in response.content.iter_any()])

        yield call


@asynccontextmanager
async def _pyreqwest() -> AsyncIterator[Call]:
    builder = import_module("pyreqwest.client").ClientBuilder()
    async with builder.http1_only().max_connections(_MOST).no_proxy().read_timeout(_BOUND).build() as client:

        async def call(url: str) -> int:
            async with client.post(url).headers(_HEADERS).body_bytes(BODY).build_streamed() as response:
                size = 0
                while piece := await response.body_reader.read_chunk():
                    size += len(piece)
                return size

        yield call


@asynccontextmanager
async def _niquests() -> AsyncIterator[Call]:
    library = import_module("niquests")
    async with library.AsyncSession(
        pool_connections=_MOST, pool_maxsize=_MOST, disable_http2=True, disable_http3=True
    ) as session:

        async def call(url: str) -> int:
            response = await session.post(url, headers=_HEADERS, data=BODY, stream=True, allow_redirects=False)
            return sum([len(piece) async for piece in await response.iter_raw(65536)])

        yield call


CLIENTS: dict[str, Callable[[], AbstractAsyncContextManager[Call]]] = {
    "ours": _ours,
    "pyreqwest": _pyreqwest,
    "aiohttp": _aiohttp,
    "httpx2": _httpx2,
    "niquests": _niquests,
    "httpx": _httpx,
}
