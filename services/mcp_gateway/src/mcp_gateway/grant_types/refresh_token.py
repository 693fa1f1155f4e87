"""`grant_type=refresh_token`, rotating (OAuth 2.1 §4.3)."""

from dataclasses import replace

from authproxy_common.errors import AccessDenied, InvalidGrant, InvalidScope
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.secret import Secret, trace
from mcp_gateway.domain.authorizations import check_resource
from mcp_gateway.domain.clients import Client
from mcp_gateway.domain.grants import Grant, RefreshToken
from mcp_gateway.domain.resources import MCPServers
from mcp_gateway.domain.tokens import TokenResponse
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import AccessTokenIssuer
from mcp_gateway.flows.provider_check import ProviderCheck


@frozen
class RefreshTokenGrant:
    """Renews a grant's tokens.

    Args:
        grants: Where it is.
        provider: Asked whether it still accepts the person.
        servers: What grants are for, and who may use it.
        access_tokens: Makes the next one.
        events: Hears of it.
    """

    grants: Grants
    provider: ProviderCheck
    servers: MCPServers
    access_tokens: AccessTokenIssuer
    events: Events

    async def redeem(self, client: Client, params: Params) -> TokenResponse:
        """A new access token and the refresh token's successor.

        Raises:
            InvalidRequest: `refresh_token` is missing.
            InvalidGrant: It is not valid, is another client's, or its grant has ended, be it just now at the provider,
                or because the person may not use the MCP server any more.
            InvalidScope: More scope was asked for than granted.
            InvalidTarget: `resource` is another than the grant's.
            TemporarilyUnavailable: The provider is due to be asked, and does not answer; nothing was used up.
        """
        token = RefreshToken.parse(params.require("refresh_token"))
        grant = await self.grants.find(token.grant_id)
        if grant is None:
            raise InvalidGrant("the grant has ended")
        grant.check(token)
        grant.check_client(client.client_id)
        check_resource(params, grant.resource)
        asked = _narrowed(grant.scope, params.get("scope"))
        grant = await self.provider.check(grant)
        scope = await self._allowed(grant, asked)
        successor = Secret(await self.grants.rotate(grant, token))
        access_token, expires_in = await self.access_tokens.issue(replace(grant, scope=scope))
        self.events.note("tokens_refreshed", grant=trace(grant.grant_id), generation=token.generation)
        return TokenResponse(access_token, expires_in, scope, successor)

    async def _allowed(self, grant: Grant, asked: tuple[str, ...]) -> tuple[str, ...]:
        """What of `asked` the person may be granted, by what the provider says now and the configuration says now."""
        server, person = self.servers.find(grant.resource), grant.person
        if server is None:
            raise InvalidGrant("the MCP server of this grant is not here any more")
        try:
            allowed = server.granted_to(person, grant.scope)
        except AccessDenied as error:
            self.events.note("person_not_allowed", grant=trace(grant.grant_id), **server.why_not(person))
            await self.grants.end(grant.grant_id, "the person may not use the MCP server any more")
            raise InvalidGrant(error.description) from error
        scope = tuple(each for each in asked if each in allowed)
        if asked and not scope:
            raise InvalidScope("nothing that was asked for may be granted any more")
        return scope


def _narrowed(granted: tuple[str, ...], requested: str | None) -> tuple[str, ...]:
    """What this access token may have; the grant keeps all that was granted (RFC 6749 §6)."""
    asked = set((requested or "").split()) - {"offline_access"}
    if not asked <= set(granted):
        raise InvalidScope("scope has more in it than was granted")
    return tuple(scope for scope in granted if scope in asked) or granted
