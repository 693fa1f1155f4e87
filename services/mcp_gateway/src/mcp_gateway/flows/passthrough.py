"""The provider's own access tokens handed on to clients: `token_mode: passthrough`, which MCP forbids.

Only tokens that were handed on here are taken, each for the one MCP server and the scopes that it was handed on for:
the provider would accept any of its tokens, whichever application it made them for.
"""

from datetime import timedelta

from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidGrant
from authproxy_common.frozen import frozen
from authproxy_common.records import Collection
from authproxy_common.secret import Secret, digest
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.tokens import ActiveToken, HandedOn, InvalidAccessToken
from mcp_gateway.flows.ports import ProviderTokenValidation

_BELIEVED_FOR = timedelta(seconds=10)


@frozen
class HandedOnTokens:
    """`AccessTokenIssuer` and `AccessTokenVerifier` that issue nothing of ours.

    Args:
        handed_on: What each token was handed on for. Their keys are the tokens.
        provider_tokens: Asks the provider whether one is still good.
        now: The clock.
    """

    handed_on: Collection[HandedOn]
    provider_tokens: ProviderTokenValidation
    now: Clock

    async def issue(self, grant: Grant) -> tuple[Secret, timedelta]:
        """The provider's token and what is left of its life; raises InvalidGrant when that is nothing."""
        now, sign_in = self.now(), grant.sign_in
        left = grant.upstream_token_expires_at - now
        if sign_in is None or left <= timedelta(0):
            raise InvalidGrant("the identity provider's token has expired, and it gave none to renew it with")
        await self.handed_on.put(sign_in.access_token.reveal(), HandedOn.under(grant, now), left)
        return sign_in.access_token, left

    async def verify(self, access_token: str) -> ActiveToken:
        """What the token was handed on for, while the provider accepts it.

        Raises:
            InvalidAccessToken: It was not handed on here, has expired, or the provider does not accept it any more.
            TemporarilyUnavailable, ServerError: Nobody could say.
        """
        known = await self.handed_on.get(access_token)
        now = self.now()
        if known is None or now >= known.expires_at:
            raise InvalidAccessToken("the access token was not handed on here, or has expired")
        if await self.provider_tokens.validate(access_token) != known.subject:
            raise InvalidAccessToken("the identity provider does not accept the access token any more")
        return ActiveToken(
            subject=known.subject,
            client_id=known.client_id,
            resource=known.resource,
            scope=frozenset(known.scope),
            grant_id=known.grant_id,
            consent_id=known.consent_id,
            token_id=digest(access_token),
            issued_at=known.handed_on_at,
            expires_at=known.expires_at,
            good_until=min(known.expires_at, now + _BELIEVED_FOR),
        )
