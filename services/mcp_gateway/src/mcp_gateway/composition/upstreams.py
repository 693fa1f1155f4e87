"""The MCP servers behind the gateway."""

from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.proxy.mcp_proxy import Upstream
from mcp_gateway.settings import AdapterSettings, seconds


def build_upstreams(config: AdapterSettings) -> dict[str, Upstream]:
    """By path, as the settings' `servers` say."""
    upstreams = {}
    for name, settings in config.servers.items():
        server = MCPServer.at(config.public_url, name, settings.scopes, settings.required_scopes)
        upstreams[server.path] = Upstream(
            server=server,
            url=settings.url,
            tells_identity=settings.credentials == "identity",
            response_timeout=seconds(settings.response_timeout_seconds),
            idle_timeout=seconds(settings.stream_idle_timeout_seconds),
        )
    return upstreams
