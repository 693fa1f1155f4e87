"""What an operator allows without a person who consents in a browser: scopes of MCP servers."""

from collections.abc import Mapping
from dataclasses import field

from authproxy_common.frozen import frozen
from mcp_gateway.domain.resources import MCPServer


@frozen
class Allowance:
    """Nothing, but for what is written down.

    Args:
        scopes: By the name of their MCP server.
    """

    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def at(self, server: MCPServer) -> tuple[str, ...]:
        """What may be granted at the server, in its own order; empty where nothing may be."""
        allowed = self.scopes.get(server.name, ())
        return tuple(scope for scope in server.scopes if scope in allowed)
