"""Access tokens that no refresh token comes with, each under a grant that lives no longer than it (RFC 6749 §4.4.3)."""

from dataclasses import replace
from datetime import timedelta

from authproxy_common.clock import Clock
from authproxy_common.exchange import Person
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret, mint
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.domain.tokens import TokenResponse
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import AccessTokenIssuer

# The token's times are whole seconds, and a grant that ended before its token would end it.
_OUTLIVES = timedelta(minutes=1)


@frozen
class SingleTokens:
    """Opens grants that no browser took part in, and issues the one access token of each.

    Args:
        grants: Where they go, so that they can be revoked.
        access_tokens: Makes the tokens.
        now: The clock.
    """

    grants: Grants
    access_tokens: AccessTokenIssuer
    now: Clock

    async def issue(
        self, client_id: str, subject: str, server: MCPServer, scope: tuple[str, ...], asserted: Person | None = None
    ) -> tuple[str, TokenResponse]:
        """The new grant's id, and what the client gets."""
        now = self.now()
        grant = Grant(
            grant_id=mint(),
            client_id=client_id,
            subject=subject,
            resource=server.resource,
            scope=scope,
            secret=Secret(mint()),
            opened_at=now,
            sign_in=None,
            checked_at=now,
            asserted=asserted,
        )
        access_token, expires_in = await self.access_tokens.issue(grant)
        await self.grants.open(replace(grant, ends_at=now + expires_in + _OUTLIVES))
        return grant.grant_id, TokenResponse(access_token, expires_in, scope, None)
