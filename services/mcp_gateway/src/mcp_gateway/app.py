"""The composition root: an authorization server, a proxy, and what is around both."""

from collections.abc import Callable
from functools import partial

from starlette.types import ASGIApp

from authproxy_common.frozen import frozen
from authproxy_common.http.assembly import Surroundings, closing, layered, starlette_app
from authproxy_common.http.body_limit import BodyLimit
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.pages import Pages
from mcp_gateway.composition.authorization_server import AuthorizationServer
from mcp_gateway.composition.credentials import Credentials
from mcp_gateway.composition.lane import build_journal, build_lane
from mcp_gateway.composition.resources import Resources
from mcp_gateway.composition.routes import PAGES
from mcp_gateway.composition.upstreams import build_servers, build_upstreams
from mcp_gateway.lane.protocol import LaneProtocol
from mcp_gateway.proxy.admission import OpenAdmission, TokenAdmission
from mcp_gateway.proxy.cross_origin import CrossOriginCalls
from mcp_gateway.proxy.mcp_proxy import MCPProxy
from mcp_gateway.proxy.origins import OriginPolicy
from mcp_gateway.proxy.upstream_http.transport import PooledTransport
from mcp_gateway.settings import OAUTH_BODY_LIMIT, GatewaySettings

__all__ = ["Resources", "create_app"]


@frozen
class Gateway:
    """What is served.

    Args:
        app: The application.
        protocol: Makes the protocol of a connection, with the lane in it; None where there is none.
    """

    app: ASGIApp
    protocol: Callable[..., LaneProtocol] | None


def create_app(settings: GatewaySettings, resources: Resources) -> ASGIApp:
    """The application alone."""
    return create_gateway(settings, resources).app


def create_gateway(settings: GatewaySettings, resources: Resources) -> Gateway:
    """The gateway; it closes `resources` in its lifespan. With `enable_auth: false`, a plain proxy."""
    config, metrics = settings.adapter_config, Metrics()
    around = Surroundings(
        health=HealthEndpoints({"redis": resources.store.ping}, metrics, resources.now),
        metrics=metrics,
        pages=Pages("mcp_gateway", "MCP gateway"),
        https=config.public_url.startswith("https://"),
        body_limit=config.max_body_bytes,
        management_port=config.management_port,
        public_metrics=config.public_metrics,
    )
    servers = build_servers(config)
    server = AuthorizationServer(config, resources, around, servers)
    routes, admission, provider_tokens = server.build() if config.enable_auth else ([], OpenAdmission(), None)
    credentials = Credentials(config, resources, provider_tokens)
    upstreams = build_upstreams(config, servers, credentials.of, resources.now)
    transport, journal = resources.transport, build_journal(metrics)
    lifespan = closing(journal, transport, resources.http, resources.counters, resources.store)
    origins = OriginPolicy.for_public_url(
        config.public_url, config.allowed_hosts, config.allowed_origins, development=config.development_mode
    )
    # With a slash behind the path too, which people like to write.
    upstreams |= {f"{path}/": upstream for path, upstream in upstreams.items()}
    app: ASGIApp = starlette_app(routes, PAGES, around, lifespan)
    app = MCPProxy(
        BodyLimit(app, limit=OAUTH_BODY_LIMIT),
        upstreams=upstreams,
        admission=admission,
        origins=origins,
        transport=resources.transport,
        metrics=around.metrics,
    )
    app = CrossOriginCalls(app, paths=upstreams, origins=origins)
    app = layered(app, [*(route.path for route in routes), *upstreams], around)
    if not (config.fast_lane and isinstance(admission, TokenAdmission) and isinstance(transport, PooledTransport)):
        return Gateway(app, None)
    lane = build_lane(upstreams, admission, origins, transport=transport, around=around, journal=journal)
    return Gateway(app, partial(LaneProtocol, lane))
