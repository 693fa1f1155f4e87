"""The MCP servers behind the gateway."""

from collections.abc import Callable, Mapping

from authproxy_common.clock import Clock
from mcp_gateway.composition.policies import build_access, required_scopes, scopes_in_words
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.proxy.credentials import Identity, NoCredentials, UpstreamCredentials
from mcp_gateway.proxy.endpoints import Endpoints, SeveralEndpoints, SoleEndpoint
from mcp_gateway.proxy.rules import Rules
from mcp_gateway.proxy.upstreams import Upstream
from mcp_gateway.settings import AdapterSettings, ServerSettings, seconds

CREDENTIALS: Mapping[str, Callable[[], UpstreamCredentials]] = {"none": NoCredentials, "identity": Identity}


def build_upstreams(config: AdapterSettings, now: Clock) -> dict[str, Upstream]:
    """By path, as the settings' `servers` say."""
    upstreams = {}
    for name, settings in config.servers.items():
        server = build_server(config.public_url, name, settings)
        upstreams[server.path] = Upstream(
            server=server,
            endpoints=_endpoints(settings, now),
            credentials=CREDENTIALS[settings.credentials](),
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
