"""One MCP server and the way to it."""

from collections.abc import Mapping
from datetime import timedelta

from starlette.types import Scope

from authproxy_common.frozen import frozen
from authproxy_common.http.request_id import HEADER, request_id_of
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.proxy.credentials import UpstreamCredentials
from mcp_gateway.proxy.endpoints import Endpoints
from mcp_gateway.proxy.headers import to_upstream
from mcp_gateway.proxy.rules import Rules
from mcp_gateway.proxy.transport import UpstreamRequest


@frozen
class Upstream:
    """An MCP server.

    Args:
        server: As clients see it.
        endpoints: Where it really is.
        credentials: What it is told of the caller.
        passing: Names of the client's headers that reach it.
        response_timeout, idle_timeout: See `UpstreamRequest`.
        rules: What its access policy does to calls; None where it says nothing, and then no message is read.
    """

    server: MCPServer
    endpoints: Endpoints
    credentials: UpstreamCredentials
    passing: frozenset[bytes]
    response_timeout: timedelta
    idle_timeout: timedelta
    rules: Rules | None = None

    def request(self, scope: Scope, body: bytes, credentials: Mapping[str, str]) -> UpstreamRequest:
        """The call as it is forwarded; its `url` is the query alone until an endpoint is chosen."""
        query = scope["query_string"].decode("latin-1")
        ours = {HEADER: request_id_of(scope), **credentials, **(self.rules.headers if self.rules else {})}
        return UpstreamRequest(
            method=scope["method"],
            url=f"?{query}" if query else "",
            headers=to_upstream(scope["headers"], ours, self.passing),
            body=body,
            response_timeout=self.response_timeout,
            idle_timeout=self.idle_timeout,
        )
