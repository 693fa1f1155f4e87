"""`grant_type=client_credentials` (OAuth 2.1 §4.2, MCP extension `oauth-client-credentials`)."""

from authproxy_common.errors import InvalidTarget
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.secret import trace
from mcp_gateway.domain.clients import Client
from mcp_gateway.domain.resources import MCPServers, granted_of
from mcp_gateway.domain.tokens import TokenResponse
from mcp_gateway.flows.single_tokens import SingleTokens


@frozen
class ClientCredentialsGrant:
    """A client that acts for nobody gets what its operator allowed it.

    Args:
        servers: What tokens can be asked for.
        tokens: Issues them.
        events: Hears of each.
    """

    servers: MCPServers
    tokens: SingleTokens
    events: Events

    async def redeem(self, client: Client, params: Params) -> TokenResponse:
        """An access token, and no refresh token (RFC 6749 §4.4.3): its credentials are what a client asks again with.

        Raises:
            InvalidTarget: `resource` names no MCP server that it may call, or is missing where there are several.
            InvalidScope: None of the scopes that were asked for may it have.
        """
        server = self.servers.target(params.get("resource"))
        allowed = client.allowance.at(server)
        if not allowed:
            raise InvalidTarget("resource names no MCP server that this client may call")
        scope = granted_of(allowed, params.get("scope"))
        grant_id, response = await self.tokens.issue(client.client_id, client.subject, server, scope)
        self.events.note("tokens_issued", client=trace(client.client_id), grant=trace(grant_id))
        return response
