"""Calls by the port of the proxy, as short as tests want them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.transport import UpstreamRequest, UpstreamTransport

_BOUND = timedelta(seconds=60)


@dataclass(frozen=True)
class Outcome:
    """A whole answer."""

    status: int
    headers: RawHeaders
    body: bytes


def a_request(url: str, method: str = "GET", **changed: Any) -> UpstreamRequest:
    """A request that says nothing, but for what is `changed`."""
    fields: dict[str, Any] = {"headers": [], "body": b"", "response_timeout": _BOUND, "idle_timeout": _BOUND}
    return UpstreamRequest(method=method, url=url, **(fields | changed))


async def call(transport: UpstreamTransport, url: str, method: str = "GET", **changed: Any) -> Outcome:
    """The whole answer to `a_request`."""
    async with transport.send(a_request(url, method, **changed)) as response:
        body = b"".join([piece async for piece in response.pieces])
        return Outcome(response.status, response.headers, body)
