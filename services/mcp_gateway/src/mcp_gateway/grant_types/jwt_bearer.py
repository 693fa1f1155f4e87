"""`grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 §2.1), for identity assertions alone."""

from authproxy_common.errors import AccessDenied, InvalidGrant
from authproxy_common.events import Events
from authproxy_common.exchange import Person
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.secret import trace
from mcp_gateway.domain.clients import Client
from mcp_gateway.domain.resources import MCPServer, MCPServers
from mcp_gateway.domain.tokens import TokenResponse
from mcp_gateway.flows.identity_assertions import IdentityAssertions
from mcp_gateway.flows.single_tokens import SingleTokens


@frozen
class JWTBearerGrant:
    """A client acts for a person because an issuer that the operator trusts says that it may.

    Args:
        servers: What tokens can be asked for.
        assertions: Believes the issuers.
        tokens: Issues ours.
        events: Hears of each.
    """

    servers: MCPServers
    assertions: IdentityAssertions
    tokens: SingleTokens
    events: Events

    async def redeem(self, client: Client, params: Params) -> TokenResponse:
        """An access token, and no refresh token: its issuer is asked again for as long as it wants the client to act.

        Raises:
            InvalidRequest: `assertion` is missing.
            InvalidGrant: The assertion is not good, or not for this client, this gateway, or anything here, or is for
                somebody who may not use the MCP server.
            InvalidTarget: `resource` is none that the assertion is for.
            InvalidScope: None of the scopes that were asked for can be granted.
            TemporarilyUnavailable: The issuer's keys cannot be had, which says nothing about the assertion.
        """
        value = params.require("assertion")
        try:
            assertion = await self.assertions.verified(value, client.client_id)
            server = assertion.target(params.get("resource"), self.servers)
            scope = _allowed(server, assertion.person(), assertion.granted_scope(server, params.get("scope")))
            # Last, so that a mistake in the request does not use it up.
            await self.assertions.spend(assertion)
        except InvalidGrant as error:
            self.events.alarm("identity_assertion_refused", client=trace(client.client_id), reason=error.description)
            raise
        issuer, person = assertion.issuer.name, assertion.person()
        grant_id, response = await self.tokens.issue(client.client_id, person.subject, server, scope, person)
        self.events.note("tokens_issued", issuer=issuer, client=trace(client.client_id), grant=trace(grant_id))
        return response


def _allowed(server: MCPServer, person: Person, scope: tuple[str, ...]) -> tuple[str, ...]:
    """What of `scope` the person may be granted, by the issuer's word; raises InvalidGrant where it is too little."""
    try:
        return server.granted_to(person, scope)
    except AccessDenied as error:
        raise InvalidGrant(error.description) from error
