"""The two well-known documents, as clients find them under the public URL (RFC 8414, RFC 9728)."""

from collections.abc import Sequence
from functools import partial

from authproxy_common.doctor import Check, Failed, Vantage, json_object, shown
from authproxy_common.frozen import frozen
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.endpoints.metadata import AUTHORIZATION_SERVER_PATHS

_REMEDY = (
    "let the ingress send everything of this host but the auth server's paths to the gateway, and restart the gateway "
    "when its configuration has changed"
)


@frozen
class PublishedDocuments:
    """What clients read before anything else.

    Args:
        issuer: The gateway's public URL.
        servers: The protected resources.
        vantage: From where is looked.
    """

    issuer: str
    servers: Sequence[MCPServer]
    vantage: Vantage

    def checks(self) -> list[Check]:
        """One for the authorization server, one for each protected resource."""
        resources = [Check(f"MCP server {each.name} metadata", partial(self.describes, each)) for each in self.servers]
        return [Check("authorization server metadata", self.names_the_issuer), *resources]

    async def names_the_issuer(self) -> str:
        """The issuer is, byte for byte, what the document was found from (RFC 8414 §3.3)."""
        url = self.issuer + AUTHORIZATION_SERVER_PATHS[0]
        document = json_object(url, await self.vantage.get_public(url), remedy=_REMEDY)
        self._check(document.get("issuer"), self.issuer, "the issuer", url)
        return f"the issuer is {self.issuer}"

    async def describes(self, server: MCPServer) -> str:
        """The resource is what clients ask for, and we are its authorization server (RFC 9728 §3.3)."""
        url = server.metadata_url
        document = json_object(url, await self.vantage.get_public(url), remedy=_REMEDY)
        self._check(document.get("resource"), server.resource, "the resource", url)
        self._check(document.get("authorization_servers"), [self.issuer], "authorization_servers", url)
        return f"the resource is {server.resource}"

    def _check(self, said: object, expected: object, what: str, url: str) -> None:
        if said != expected:
            raise Failed(f"{url} says that {what} is {shown(said)}, and by public_url it is {shown(expected)}", _REMEDY)
