"""`UpstreamTransport` on httpx: to networks without sockets, and as what the gateway's own is compared with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import httpx

from authproxy_common.errors import BadGateway, TemporarilyUnavailable
from mcp_gateway.proxy.transport import UpstreamGone, UpstreamNotReached, UpstreamRequest, UpstreamResponse

_UNREACHABLE = "the MCP server cannot be reached, or answers what is no HTTP"


@dataclass(frozen=True, slots=True)
class HttpxTransport:
    """On one pool of connections."""

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
