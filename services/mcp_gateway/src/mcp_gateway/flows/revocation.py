"""Token revocation (RFC 7009): any token of a grant ends the grant, at every replica and at the provider."""

from authproxy_common.errors import InvalidGrant
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from mcp_gateway.domain.clients import Client
from mcp_gateway.domain.grants import Grant, RefreshToken
from mcp_gateway.domain.tokens import InvalidAccessToken
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import AccessTokenVerifier, ProviderTokens


@frozen
class RevocationFlow:
    """Ends grants for their clients."""

    grants: Grants
    access_tokens: AccessTokenVerifier
    provider_tokens: ProviderTokens

    async def revoke(self, client: Client, params: Params) -> None:
        """End the grant that the token is of; a token that is of none is as good as revoked (§2.2).

        Raises:
            InvalidRequest: `token` is missing.
            InvalidGrant: The token is another client's (§2.1).
        """
        grant = await self._grant(params.require("token"))
        if grant is None:
            return
        grant.check_client(client.client_id)
        await self.grants.end(grant.grant_id, "revoked by its client")
        if grant.sign_in:
            await self.provider_tokens.revoke(grant.sign_in)

    async def _grant(self, value: str) -> Grant | None:
        """By the token's own form: `token_type_hint` is a hint, and we need none.

        Also a grant whose end was interrupted, so that asking again finishes it.
        """
        try:
            token = RefreshToken.parse(value)
        except InvalidGrant:
            return await self._grant_of_access_token(value)
        grant = await self.grants.stored(token.grant_id)
        return grant if grant and grant.made(token) else None

    async def _grant_of_access_token(self, value: str) -> Grant | None:
        try:
            token = await self.access_tokens.verify(value)
        except InvalidAccessToken:
            return None
        return await self.grants.stored(token.grant_id)
