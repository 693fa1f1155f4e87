"""The lane beside the application."""

import logging
import sys
from collections.abc import Mapping

from authproxy_common.http.assembly import Surroundings
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.security_headers import headers_of_answers
from mcp_gateway.lane.around import AroundCalls
from mcp_gateway.lane.heads import Heads
from mcp_gateway.lane.journal import Journal
from mcp_gateway.lane.lane import FastLane
from mcp_gateway.lane.passages import LaneRoute
from mcp_gateway.proxy.admission import TokenAdmission
from mcp_gateway.proxy.endpoints import SoleEndpoint
from mcp_gateway.proxy.headers import PASSED_BACK
from mcp_gateway.proxy.origins import OriginPolicy
from mcp_gateway.proxy.upstream_http.transport import PooledTransport
from mcp_gateway.proxy.upstreams import Upstream

_LONGEST_MESSAGE = 64 * 1024


def build_journal(metrics: Metrics) -> Journal:
    """Writes where the access log does, if that is written."""
    is_logged = logging.getLogger("access").isEnabledFor(logging.INFO)
    return Journal(metrics, sys.stdout.write if is_logged else None)


def build_lane(
    upstreams: Mapping[str, Upstream],
    admission: TokenAdmission,
    origins: OriginPolicy,
    *,
    transport: PooledTransport,
    around: Surroundings,
    journal: Journal,
) -> FastLane:
    """The lane to the MCP servers that have one endpoint; those with several name their sessions anew."""
    routes = {}
    for path, upstream in upstreams.items():
        if isinstance(upstream.endpoints, SoleEndpoint):
            routes[path.encode()] = LaneRoute.to(path, upstream, transport.route(upstream.endpoints.url))
    heads = Heads(PASSED_BACK, {"x-accel-buffering": "no", **headers_of_answers(https=around.https)})
    hosts = frozenset(host.encode() for host in origins.hosts)
    calls = AroundCalls(heads, journal, min(around.body_limit, _LONGEST_MESSAGE))
    return FastLane(routes, admission, hosts, around.management_port, calls)
