"""The MCP servers behind the gateway."""

from authproxy_common.records import Collection
from mcp_gateway.composition.resources import Resources
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.domain.sessions import SessionPlace
from mcp_gateway.proxy.endpoints import Endpoints, SeveralEndpoints, SoleEndpoint
from mcp_gateway.proxy.mcp_proxy import Upstream
from mcp_gateway.settings import AdapterSettings, ServerSettings, seconds


def build_upstreams(config: AdapterSettings, opened: Resources) -> dict[str, Upstream]:
    """By path, as the settings' `servers` say."""
    upstreams = {}
    for name, settings in config.servers.items():
        server = MCPServer.at(config.public_url, name, settings.scopes, settings.required_scopes)
        upstreams[server.path] = Upstream(
            server=server,
            endpoints=_endpoints(server, settings, opened),
            tells_identity=settings.credentials == "identity",
            response_timeout=seconds(settings.response_timeout_seconds),
            idle_timeout=seconds(settings.stream_idle_timeout_seconds),
        )
    return upstreams


def _endpoints(server: MCPServer, settings: ServerSettings, opened: Resources) -> Endpoints:
    urls = settings.urls or (settings.url,)
    if len(urls) == 1:
        return SoleEndpoint(urls[0])
    ttl = seconds(settings.session_ttl_seconds)
    places = Collection(opened.store, "mcp-gateway:session", SessionPlace, ttl)
    return SeveralEndpoints(server.path, urls, places, ttl, opened.now)
