"""What an MCP request without a sufficient token is answered with (RFC 6750 §3, RFC 9728 §5.1)."""

from authproxy_common.errors import OAuthError
from mcp_gateway.domain.resources import MCPServer


class Challenge(OAuthError):
    """A refusal that tells the client where and for what to get a token."""

    code, status = "invalid_token", 401

    def __init__(self, server: MCPServer, description: str, *, names_error: bool = True) -> None:
        super().__init__(description)
        self.server = server
        self.names_error = names_error

    def headers(self) -> dict[str, str]:
        """`WWW-Authenticate`. No error code is named to a client that sent no token at all (RFC 6750 §3.1)."""
        named = {"error": self.code, "error_description": self.description} if self.names_error else {}
        parameters = named | {
            "resource_metadata": self.server.metadata_url,
            "scope": " ".join(self.server.required_scopes),
        }
        return {"WWW-Authenticate": "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())}


class InsufficientScope(Challenge):
    """RFC 6750 §3.1."""

    code, status = "insufficient_scope", 403
