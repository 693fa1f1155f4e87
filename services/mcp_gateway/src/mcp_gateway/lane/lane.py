"""Which calls pass in the lane: those to which the application would say yes without asking anybody."""

import hashlib
from collections.abc import Mapping
from typing import Protocol

from authproxy_common.errors import OAuthError
from authproxy_common.frozen import frozen
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.lane.around import AroundCalls
from mcp_gateway.lane.asked import Asked, asked
from mcp_gateway.lane.call import Call
from mcp_gateway.lane.journal import Caption
from mcp_gateway.lane.protocol import LaneProtocol
from mcp_gateway.lane.request_ids import RequestIds
from mcp_gateway.proxy.callers import Caller
from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.messages import MessageRefused
from mcp_gateway.proxy.tool_lists import Shown
from mcp_gateway.proxy.transport import UpstreamRequest
from mcp_gateway.proxy.upstream_http.pool import Pool
from mcp_gateway.proxy.upstream_http.writing import RequestWriter
from mcp_gateway.proxy.upstreams import Upstream

_METHODS = {b"POST": "POST", b"GET": "GET", b"DELETE": "DELETE"}
_REQUEST_ID = b"x-request-id"


class Remembering(Protocol):
    """Knows whom it has admitted."""

    def remembered(self, server: MCPServer, key: str) -> Caller | None:
        """The caller whose token has this digest, where nobody has to be asked about it."""
        ...


@frozen
class LaneRoute:
    """The way to one MCP server.

    Args:
        path: Where it is served.
        upstream: The MCP server.
        pool: The connections to it.
        writer: Writes requests to it.
    """

    path: str
    upstream: Upstream
    pool: Pool
    writer: RequestWriter


class FastLane:
    """See `mcp_gateway.lane`.

    Args:
        routes: By the request target.
        admission: Remembers callers.
        hosts: Names that are ours.
        management_port: Where no MCP server is.
        around: What all calls need.
    """

    def __init__(
        self,
        routes: Mapping[bytes, LaneRoute],
        admission: Remembering,
        hosts: frozenset[bytes],
        management_port: int,
        around: AroundCalls,
    ) -> None:
        self.routes = routes
        self.admission = admission
        self.hosts = hosts
        self.management_port = management_port
        self.around = around
        self._request_ids = RequestIds()

    def leads_to(self, target: bytes, method: bytes, port: int | None) -> bool:
        return target in self.routes and method in _METHODS and port != self.management_port

    def begin(self, visitor: LaneProtocol, message: bytes) -> Call | None:
        route = self.routes[visitor.url]
        call = asked(visitor.headers, self.hosts, route.upstream.passing)
        if call is None:
            return None
        caller = self.admission.remembered(route.upstream.server, hashlib.sha256(call.token).hexdigest())
        if caller is None:
            return None
        method = _METHODS[visitor.parser.get_method()]
        call = call._replace(request_id=call.request_id or self._request_ids.next())
        try:
            shown = _shown(route.upstream, caller, method, visitor.headers, message)
            request = _request(route.upstream, caller, method, call, message)
            written = route.writer.message(request, "") if request else None
        # The application says what is wrong with it.
        except (OAuthError, MessageRefused, _HasToBeReadError):
            return None
        connection = route.pool.take() if written else None
        if connection is None or written is None:
            return None
        passing = Call(visitor, self.around, Caption(method, route.path, call.request_id.decode()), shown)
        passing.ask(connection, written, visitor.loop.time(), route.upstream)
        return passing


class _HasToBeReadError(Exception):
    """The whole answer has to be read before any of it is passed on."""


def _shown(upstream: Upstream, caller: Caller, method: str, headers: RawHeaders, message: bytes) -> Shown | None:
    """See `Rules.shown`."""
    if upstream.rules is None:
        return None
    shown = upstream.rules.shown(caller, {"method": method, "headers": headers}, message)
    if shown and shown.expected:
        raise _HasToBeReadError
    return shown


def _request(upstream: Upstream, caller: Caller, method: str, call: Asked, message: bytes) -> UpstreamRequest | None:
    """The call as it is forwarded; None where credentials would have to be got first."""
    credentials = upstream.credentials.remembered(caller)
    if credentials is None:
        return None
    told = {**credentials, **upstream.rules.headers} if upstream.rules else credentials
    ours = {name.encode(): value.encode() for name, value in told.items()}
    passed = [each for each in call.passed if each[0] not in ours] if ours else call.passed
    headers = [*passed, (_REQUEST_ID, call.request_id), *ours.items()]
    return UpstreamRequest(method, "", headers, message, upstream.response_timeout, upstream.idle_timeout)
