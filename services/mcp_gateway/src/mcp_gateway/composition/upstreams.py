"""The MCP servers behind the gateway."""

from collections.abc import Callable

from authproxy_common.clock import Clock
from mcp_gateway.composition.policies import build_access, required_scopes, scopes_in_words
from mcp_gateway.domain.resources import MCPServer, MCPServers
from mcp_gateway.proxy.credentials import UpstreamCredentials
from mcp_gateway.proxy.endpoints import Endpoints, SeveralEndpoints, SoleEndpoint
from mcp_gateway.proxy.headers import passing
from mcp_gateway.proxy.rules import Rules
from mcp_gateway.proxy.upstreams import Upstream
from mcp_gateway.settings import AdapterSettings, ServerSettings, seconds


def build_servers(config: AdapterSettings) -> MCPServers:
    """As clients see them, by the settings' `servers`."""
    servers = [build_server(config.public_url, name, settings) for name, settings in config.servers.items()]
    return MCPServers({server.path: server for server in servers})


def build_upstreams(
    config: AdapterSettings, servers: MCPServers, credentials: Callable[[MCPServer], UpstreamCredentials], now: Clock
) -> dict[str, Upstream]:
    """By path, with what each is told of its callers."""
    upstreams = {}
    for path, server in servers.by_path.items():
        settings = config.servers[server.name]
        upstreams[path] = Upstream(
            server=server,
            endpoints=_endpoints(settings, now),
            credentials=credentials(server),
            passing=passing(settings.forward_headers),
            response_timeout=seconds(settings.response_timeout_seconds),
            idle_timeout=seconds(settings.stream_idle_timeout_seconds),
            rules=Rules.of(server),
        )
    return upstreams


def build_server(public_url: str, name: str, settings: ServerSettings) -> MCPServer:
    """The protected resource that `settings` describe."""
    return MCPServer.at(
        public_url,
        name,
        scopes_in_words(settings),
        required_scopes(settings),
        path=settings.path or None,
        description=settings.description,
        access=build_access(settings),
    )


def _endpoints(settings: ServerSettings, now: Clock) -> Endpoints:
    urls = settings.urls or (settings.url,)
    if len(urls) == 1:
        return SoleEndpoint(urls[0])
    return SeveralEndpoints(urls, now)
