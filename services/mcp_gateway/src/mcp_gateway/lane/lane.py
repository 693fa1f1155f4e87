"""Which calls pass in the lane: those to which the application would say yes without asking anybody."""

from collections.abc import Mapping
from typing import Protocol

from authproxy_common.errors import OAuthError
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.lane.around import AroundCalls, Visitor
from mcp_gateway.lane.asked import asked, fields_of
from mcp_gateway.lane.call import Call
from mcp_gateway.lane.journal import Caption
from mcp_gateway.lane.passages import LaneRoute, Passage
from mcp_gateway.lane.protocol import LaneProtocol
from mcp_gateway.lane.request_ids import RequestIds
from mcp_gateway.proxy.callers import Caller
from mcp_gateway.proxy.messages import MessageRefused
from mcp_gateway.proxy.tool_lists import Shown
from mcp_gateway.proxy.upstream_http.connection import Connection
from mcp_gateway.proxy.upstream_http.writing import ended

_METHODS = frozenset({b"POST", b"GET", b"DELETE"})


class Remembering(Protocol):
    """Knows whom it has admitted."""

    def remembered(self, server: MCPServer, key: str) -> Caller | None:
        """The caller whose token has this digest, where nobody has to be asked about it."""
        ...


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
        self.longest_message = around.longest_message
        self._request_ids = RequestIds()

    def leads_to(self, target: bytes, method: bytes, port: int | None) -> bool:
        return target in self.routes and method in _METHODS and port != self.management_port

    def passage(self, visitor: LaneProtocol) -> Passage | None:
        route = self.routes[visitor.url]
        fields = fields_of(visitor.parser.get_method(), visitor.headers)
        if fields is None:
            return None
        known = route.known.find(fields.repeated)
        what = known or asked(fields.repeated, self.hosts)
        if what is None:
            return None
        if known is None:
            # What strangers send is not kept.
            if self.admission.remembered(route.upstream.server, what.key) is None:
                return None
            route.known.keep(fields.repeated, what)
        return Passage(route, what, fields)

    def begin(self, visitor: Visitor, passage: Passage, message: bytes) -> Call | None:
        if len(message) > self.longest_message:
            return None
        route, what, fields = passage
        caller = self.admission.remembered(route.upstream.server, what.key)
        credentials = route.upstream.credentials.remembered(caller) if caller else None
        if caller is None or credentials is None:
            return None
        request_id = fields.request_id or self._request_ids.next()
        try:
            shown = _shown(passage, caller, message)
            head = passage.head(credentials, request_id)
            deadline = visitor.loop.time() + route.response_within
            way = route.pool.take() or route.pool.place(deadline)
        # The application says what is wrong with it.
        except (OAuthError, MessageRefused, _HasToBeReadError):
            return None
        call = Call(visitor, self.around, passage, Caption(what.method, route.path, request_id), shown)
        asks = ended(head, what.method, message) + message
        if isinstance(way, Connection):
            call.ask(way, asks, deadline)
        else:
            call.wait(way, asks, deadline)
        return call


class _HasToBeReadError(Exception):
    """The whole answer has to be read before any of it is passed on."""


def _shown(passage: Passage, caller: Caller, message: bytes) -> Shown | None:
    """See `Rules.shown`."""
    rules = passage.route.upstream.rules
    if rules is None:
        return None
    shown = rules.shown(caller, passage.asked.routing, message)
    if shown and shown.expected:
        raise _HasToBeReadError
    return shown
