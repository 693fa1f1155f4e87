"""The port to upstream MCP servers. What implements it is `upstream_http`."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import field
from datetime import timedelta
from typing import Protocol

from authproxy_common.errors import BadGateway
from authproxy_common.frozen import frozen
from mcp_gateway.proxy.headers import RawHeaders


@frozen
class UpstreamRequest:
    """One message for an upstream.

    Args:
        method, url, headers, body: As they are sent.
        response_timeout: Until the answer begins.
        idle_timeout: Between two pieces of the answer.
    """

    method: str
    url: str
    headers: RawHeaders = field(repr=False)
    body: bytes = field(repr=False)
    response_timeout: timedelta
    idle_timeout: timedelta


@frozen
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
            InvalidRequest: It cannot be said in HTTP without saying something else too.
            UpstreamNotReached: It may be sent elsewhere.
            BadGateway: There is no usable answer.
            TemporarilyUnavailable: Too many requests are waiting for this upstream.
            UpstreamGone: From `pieces`.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
