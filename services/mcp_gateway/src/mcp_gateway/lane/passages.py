"""How calls pass: the way to their MCP server, and what was read of their heads."""

from collections.abc import Mapping
from typing import NamedTuple

from authproxy_common.frozen import frozen
from mcp_gateway.lane.asked import Asked, Fields, Known
from mcp_gateway.proxy.upstream_http.pool import Pool
from mcp_gateway.proxy.upstream_http.transport import Route
from mcp_gateway.proxy.upstream_http.writing import RequestWriter, field_lines
from mcp_gateway.proxy.upstreams import Upstream


@frozen
class LaneRoute:
    """The way to one MCP server.

    Args:
        path: Where it is served.
        upstream: The MCP server.
        pool: The connections to it.
        writer: Writes requests to it.
        response_within, idle_within: Its timeouts, in seconds.
        known: What was asked there before.
    """

    path: str
    upstream: Upstream
    pool: Pool
    writer: RequestWriter
    response_within: float
    idle_within: float
    known: Known

    @classmethod
    def to(cls, path: str, upstream: Upstream, way: Route) -> "LaneRoute":
        """The one over `way`."""
        response, idle = upstream.response_timeout.total_seconds(), upstream.idle_timeout.total_seconds()
        return cls(path, upstream, way.pool, way.writer, response, idle, Known())


class Passage(NamedTuple):
    """Of every call with one head.

    Args:
        route: Where it leads.
        asked: What it asks.
        fields: Which of its fields are its own.
    """

    route: LaneRoute
    asked: Asked
    fields: Fields

    @property
    def may_repeat(self) -> bool:
        """Whether another call can have this very head."""
        return not (self.fields.request_id or self.fields.traces)

    def head(self, told: Mapping[str, str], request_id: bytes) -> bytes:
        """That of the request to the MCP server, without its end; see `RequestWriter.head`.

        Args:
            told: What the MCP server is told of the caller.
            request_id: Well-formed.
        """
        head = self.asked.head(self.route.upstream, told, self.route.writer)
        traces = field_lines(self.fields.traces) if self.fields.traces else b""
        return b"%bx-request-id: %b\r\n%b" % (head, request_id, traces)
