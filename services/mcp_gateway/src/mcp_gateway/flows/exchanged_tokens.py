"""Tokens for one MCP server that the provider gives in place of its own (RFC 8693)."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from authproxy_common.clock import Clock
from authproxy_common.errors import AccessDenied, InvalidGrant, TemporarilyUnavailable
from authproxy_common.events import Events
from authproxy_common.exchange import ExchangedToken, ExchangeTarget
from authproxy_common.frozen import frozen
from authproxy_common.recent_answers import RecentAnswers
from authproxy_common.records import Collection
from authproxy_common.secret import Secret, digest, trace
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.tokens import UpstreamToken
from mcp_gateway.flows.ports import TokenExchange
from mcp_gateway.flows.provider_access import ProviderAccess

_EARLY = timedelta(minutes=1)
# Of a token whose life the provider does not tell.
_UNKNOWN_LIFETIME = timedelta(minutes=5)


@frozen
class ExchangedTokens:
    """`proxy.bearer_tokens.UpstreamTokens` of tokens that were exchanged.

    A token is kept for all replicas. Two that need one at the same time may both ask: nothing is used up by that.

    Args:
        server: The MCP server's name.
        target: What it is called at the provider.
        provider_tokens: What is exchanged.
        exchange: Where.
        kept: Tokens by grant, server, provider and target.
        waiting: For an exchange under way in this process.
        now: The clock.
        events: Hears of every exchange.
    """

    server: str
    target: ExchangeTarget
    provider_tokens: ProviderAccess
    exchange: TokenExchange
    kept: Collection[UpstreamToken]
    waiting: RecentAnswers[UpstreamToken]
    now: Clock
    events: Events

    async def find(self, grant: Grant) -> UpstreamToken:
        """The token; raises what `UpstreamTokens` does."""
        return await self.waiting.find(grant.grant_id, lambda: self._found(grant, refused=None))

    async def replace(self, grant: Grant, refused: Secret) -> UpstreamToken | None:
        """One that was exchanged since, or now; None where the provider gives the same one again."""
        key = f"{grant.grant_id} {digest(refused.reveal())}"
        another = await self.waiting.find(key, lambda: self._found(grant, refused))
        return another if another.value != refused else None

    async def _found(self, grant: Grant, refused: Secret | None) -> UpstreamToken:
        kept = await self._kept(grant)
        if kept and kept.value != refused and self.now() < kept.good_until:
            return kept
        exchanged = await self._exchanged(grant)
        left = exchanged.good_until - self.now()
        # It is good for a call also where it cannot be kept for the next.
        with suppress(TemporarilyUnavailable):
            if left > timedelta(0):
                await self.kept.put(self._key(grant), exchanged, left)
        return exchanged

    async def _kept(self, grant: Grant) -> UpstreamToken | None:
        with suppress(TemporarilyUnavailable):
            return await self.kept.get(self._key(grant))
        return None

    async def _exchanged(self, grant: Grant) -> UpstreamToken:
        """Once more with a fresh token where the provider does not accept what it gets."""
        subject_token = await self.provider_tokens.find(grant)
        with suppress(InvalidGrant):
            return await self._ask(grant, subject_token.value)
        fresh = await self.provider_tokens.replace(grant, subject_token.value)
        with suppress(InvalidGrant):
            if fresh:
                return await self._ask(grant, fresh.value)
        # The person is still accepted: signing in again would end here too.
        self.events.alarm("token_not_exchanged", grant=trace(grant.grant_id), server=self.server)
        raise AccessDenied("the identity provider exchanges no token of this person for this MCP server")

    async def _ask(self, grant: Grant, subject_token: Secret) -> UpstreamToken:
        sign_in = replace(grant.require_sign_in(), access_token=subject_token)
        exchanged = await self.exchange.exchange_token(sign_in, self.target)
        self.events.note("token_exchanged", grant=trace(grant.grant_id), server=self.server)
        return UpstreamToken(exchanged.access_token, self.now() + _kept_for(exchanged))

    def _key(self, grant: Grant) -> str:
        # The provider and the target's own words go in, so that a changed configuration finds nothing of before.
        return repr((grant.grant_id, self.server, self.provider_tokens.provider, sorted(self.target.form().items())))


def _kept_for(token: ExchangedToken) -> timedelta:
    lifetime = _UNKNOWN_LIFETIME if token.expires_in is None else timedelta(seconds=token.expires_in)
    return lifetime - min(_EARLY, lifetime / 5)
