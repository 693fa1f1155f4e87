"""The port to upstream MCP servers, and its implementation on httpx."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import anyio
import httpx

from authproxy_common.errors import BadGateway, TemporarilyUnavailable
from mcp_gateway.proxy.headers import RawHeaders

_UNREACHABLE = "the MCP server cannot be reached, or answers what is no HTTP"


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One message for an upstream.

    Args:
        method, url, headers, body: As they are sent.
        response_timeout: Until the answer begins.
        idle_timeout: Between two pieces of the answer.
    """

    method: str
    url: str
    headers: RawHeaders
    body: bytes
    response_timeout: timedelta
    idle_timeout: timedelta


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """The beginning of an answer, and the pieces of its body as they come, not decoded."""

    status: int
    headers: RawHeaders
    pieces: AsyncIterator[bytes]


class UpstreamGone(Exception):
    """The upstream went away in the middle of its answer."""


class UpstreamNotReached(BadGateway):
    """Nothing of the request was sent: there is no connection to send it on."""


class UpstreamTransport(Protocol):
    """Sends requests to upstreams."""

    def send(self, request: UpstreamRequest) -> AbstractAsyncContextManager[UpstreamResponse]:
        """The answer, for as long as the context is open; leaving it ends the upstream's work.

        Raises:
            UpstreamNotReached: It may be sent elsewhere.
            BadGateway: There is no usable answer.
            TemporarilyUnavailable: Too many requests are waiting for this upstream.
            UpstreamGone: From `pieces`.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class HttpxTransport:
    """`UpstreamTransport` on one pool of connections."""

    http: httpx.AsyncClient

    @asynccontextmanager
    async def send(self, request: UpstreamRequest) -> AsyncIterator[UpstreamResponse]:
        response = await self._begin(request)
        try:
            yield UpstreamResponse(response.status_code, response.headers.raw, _pieces(response))
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        await self.http.aclose()

    async def _begin(self, request: UpstreamRequest) -> httpx.Response:
        idle = request.idle_timeout.total_seconds()
        timeout = httpx.Timeout(connect=5, read=idle, write=30, pool=5)
        try:
            sent = httpx.Request(
                request.method,
                request.url,
                headers=request.headers,
                content=request.body or None,
                extensions={"timeout": timeout.as_dict()},
            )
            with anyio.fail_after(request.response_timeout.total_seconds()):
                return await self.http.send(sent, stream=True)
        except httpx.PoolTimeout as error:
            raise TemporarilyUnavailable("too many calls wait for this MCP server", dependency="upstream") from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UpstreamNotReached(_UNREACHABLE) from error
        except TimeoutError as error:
            raise BadGateway("the MCP server did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise BadGateway(_UNREACHABLE) from error


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in response.aiter_raw():
            yield piece
    except httpx.HTTPError as error:
        raise UpstreamGone(type(error).__name__) from error


def open_transport(max_connections: int = 1000) -> HttpxTransport:
    """A transport that follows no redirect and takes nothing from the environment."""
    limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=100, keepalive_expiry=30)
    return HttpxTransport(httpx.AsyncClient(limits=limits, follow_redirects=False, trust_env=False))
