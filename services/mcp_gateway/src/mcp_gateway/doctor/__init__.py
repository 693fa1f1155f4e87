"""What `mcp-gateway doctor` looks at, from Redis to the MCP servers."""

from mcp_gateway.doctor.everything import examined

__all__ = ["examined"]
