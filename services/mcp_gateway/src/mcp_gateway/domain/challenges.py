"""What an MCP request without a sufficient token is answered with (RFC 6750 §3, RFC 9728 §5.1)."""

from authproxy_common.errors import OAuthError
from mcp_gateway.domain.resources import MCPServer


class Challenge(OAuthError):
    """A refusal that tells the client where and for what to get a token.

    Args:
        server: Which was called.
        description: See `OAuthError`.
        scope: What to ask for; by default what every call of the server needs.
        names_error: See `headers`.
    """

    code, status = "invalid_token", 401

    def __init__(
        self, server: MCPServer, description: str, *, scope: tuple[str, ...] | None = None, names_error: bool = True
    ) -> None:
        super().__init__(description)
        self.server = server
        self.scope = server.required_scopes if scope is None else scope
        self.names_error = names_error

    def headers(self) -> dict[str, str]:
        """`WWW-Authenticate`. No error code is named to a client that sent no token at all (RFC 6750 §3.1)."""
        named = {"error": self.code, "error_description": self.description} if self.names_error else {}
        parameters = named | {"resource_metadata": self.server.metadata_url}
        parameters |= {"scope": " ".join(self.scope)} if self.scope else {}
        return {"WWW-Authenticate": "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())}


class InsufficientScope(Challenge):
    """RFC 6750 §3.1."""

    code, status = "insufficient_scope", 403
