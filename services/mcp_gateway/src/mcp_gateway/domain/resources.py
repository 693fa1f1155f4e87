"""The MCP servers behind this gateway, each a protected resource of its own (RFC 9728, RFC 8707)."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import urlsplit

from authproxy_common.errors import AccessDenied, InvalidScope, InvalidTarget
from authproxy_common.exchange import Person
from authproxy_common.frozen import frozen
from mcp_gateway.domain.policies import AccessPolicy

RESOURCE_METADATA_PATH = "/.well-known/oauth-protected-resource"


@frozen
class MCPServer:
    """One upstream MCP server, as MCP clients see it.

    Args:
        name: In the configuration.
        path: Where it is served.
        resource: Its canonical URI: the resource indicator and the audience of its tokens.
        metadata_url: Of its protected-resource metadata.
        scopes: Each with what it permits, in words.
        required_scopes: Without which a call is refused.
        description: What people are told that it is.
        access: Who may use it, and for what.
    """

    name: str
    path: str
    resource: str
    metadata_url: str
    scopes: Mapping[str, str]
    required_scopes: tuple[str, ...]
    description: str = ""
    access: AccessPolicy = field(default_factory=AccessPolicy)

    @classmethod
    def at(
        cls,
        public_url: str,
        name: str,
        scopes: Mapping[str, str],
        required: tuple[str, ...],
        *,
        path: str | None = None,
        description: str = "",
        access: AccessPolicy | None = None,
    ) -> "MCPServer":
        """The server called `name`, at `path` or where one of its name is."""
        path = path or default_path(name)
        metadata_url = f"{public_url}{RESOURCE_METADATA_PATH}{path}"
        return cls(name, path, public_url + path, metadata_url, scopes, required, description, access or AccessPolicy())

    def granted_scope(self, requested: str | None) -> tuple[str, ...]:
        """Those of its scopes that were requested; see `granted_of`."""
        return granted_of(tuple(self.scopes), requested)

    def granted_to(self, person: Person | None, scope: Iterable[str]) -> tuple[str, ...]:
        """What of `scope` the person may be granted (RFC 6749 §3.3).

        Raises AccessDenied where nothing is left of it, where it is not what every call needs, and where the person may
        not use this MCP server at all. Of a server without scopes, nothing is what everybody is granted.
        """
        if not self.access.allowed.admits(person):
            raise AccessDenied("this account may not use this MCP server", remedy=_ASK)
        withheld = self.access.withheld(person)
        granted = tuple(each for each in scope if each not in withheld)
        if (withheld and not granted) or not withheld.isdisjoint(self.required_scopes):
            raise AccessDenied("this account may not be granted what calls to this MCP server need", remedy=_ASK)
        return granted

    def why_not(self, person: Person | None) -> dict[str, Any]:
        """For the log of a person who is not let in: which criteria are not met, and the scopes that are withheld."""
        return {"unmet": self.access.allowed.unmet(person), "withheld": sorted(self.access.withheld(person))}


@frozen
class MCPServers:
    """All of them, by path."""

    by_path: Mapping[str, MCPServer]

    @property
    def depend_on_people(self) -> bool:
        """Whether one of them asks who somebody is."""
        return any(server.access.depends_on_person for server in self.by_path.values())

    def target(self, resource: str | None) -> MCPServer:
        """The server that a `resource` parameter names; without one, the only server there is.

        Raises InvalidTarget (RFC 8707 §2).
        """
        if resource is None:
            if len(self.by_path) == 1:
                return next(iter(self.by_path.values()))
            raise InvalidTarget("the parameter resource is missing, and there are several MCP servers")
        server = self.find(canonical(resource))
        if server is None:
            raise InvalidTarget("resource names no MCP server of this gateway")
        return server

    def find(self, resource: str) -> MCPServer | None:
        """The server whose canonical URI it is."""
        return next((each for each in self.by_path.values() if each.resource == resource), None)

    def words(self, resource: str, scope: Iterable[str]) -> list[str]:
        """What the scopes permit at the server, in words; what is not there any more, as it is."""
        server = self.find(resource)
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


def default_path(name: str) -> str:
    """Where a server is served that no path was given."""
    return "/mcp" if name == "default" else f"/{name}/mcp"


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


_ASK = "Sign in with another account, or ask whoever runs this gateway."
