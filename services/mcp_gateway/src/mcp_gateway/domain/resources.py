"""The MCP servers behind this gateway, each a protected resource of its own (RFC 9728, RFC 8707)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from authproxy_common.errors import InvalidScope, InvalidTarget

RESOURCE_METADATA_PATH = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class MCPServer:
    """One upstream MCP server, as MCP clients see it.

    Args:
        name: In the configuration.
        path: Where it is served.
        resource: Its canonical URI: the resource indicator and the audience of its tokens.
        metadata_url: Of its protected-resource metadata.
        scopes: Each with what it permits, in words.
        required_scopes: Without which a call is refused.
    """

    name: str
    path: str
    resource: str
    metadata_url: str
    scopes: Mapping[str, str]
    required_scopes: tuple[str, ...]

    @classmethod
    def at(cls, public_url: str, name: str, scopes: Mapping[str, str], required: tuple[str, ...]) -> "MCPServer":
        """The server called `name`; the one called `default` is at `/mcp`, any other below its name."""
        path = "/mcp" if name == "default" else f"/{name}/mcp"
        metadata_url = f"{public_url}{RESOURCE_METADATA_PATH}{path}"
        return cls(name, path, public_url + path, metadata_url, scopes, required or tuple(scopes))

    def granted_scope(self, requested: str | None) -> tuple[str, ...]:
        """Those of its scopes that were requested; see `granted_of`."""
        return granted_of(tuple(self.scopes), requested)


@dataclass(frozen=True, slots=True)
class MCPServers:
    """All of them, by path."""

    by_path: Mapping[str, MCPServer]

    def target(self, resource: str | None) -> MCPServer:
        """The server that a `resource` parameter names; without one, the only server there is.

        Raises InvalidTarget (RFC 8707 §2).
        """
        if resource is None:
            if len(self.by_path) == 1:
                return next(iter(self.by_path.values()))
            raise InvalidTarget("the parameter resource is missing, and there are several MCP servers")
        for server in self.by_path.values():
            if canonical(resource) == server.resource:
                return server
        raise InvalidTarget("resource names no MCP server of this gateway")

    def words(self, resource: str, scope: Iterable[str]) -> list[str]:
        """What the scopes permit at the server, in words; what is not there any more, as it is."""
        server = next((each for each in self.by_path.values() if each.resource == resource), None)
        return [server.scopes.get(each, each) if server else each for each in scope]

    def sole(self) -> MCPServer | None:
        """The server, while there is one alone."""
        return next(iter(self.by_path.values())) if len(self.by_path) == 1 else None


def granted_of(available: tuple[str, ...], requested: str | None) -> tuple[str, ...]:
    """The scopes to grant: those requested that are available, all of them where none was named.

    Raises InvalidScope when scopes were requested and none of them is available. Others beside available ones are left
    out, which the token response then says (RFC 6749 §3.3).
    """
    if requested is None:
        return available
    asked = requested.split()
    granted = tuple(scope for scope in available if scope in asked)
    if not granted and set(asked) - {"offline_access"}:
        raise InvalidScope(f"what can be granted for this MCP server is {' '.join(available)}")
    return granted or available


def canonical(resource: str) -> str:
    """Scheme and host in lower case, no slash at the end: what MCP clients may vary in a canonical URI."""
    try:
        parts = urlsplit(resource)
    except ValueError:
        return resource
    if parts.fragment or "#" in resource:
        return resource
    return parts._replace(
        scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), path=parts.path.rstrip("/")
    ).geturl()
