"""The provider's access token of a grant as an MCP server gets it: good, and renewed when it is due."""

from datetime import UTC, datetime, timedelta
from typing import NoReturn

from authproxy_common.clock import Clock
from authproxy_common.errors import AccessDenied, InvalidGrant, ServerError, TemporarilyUnavailable
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.recent_answers import RecentAnswers
from authproxy_common.secret import Secret, digest, trace
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.tokens import UpstreamToken
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import ProviderTokenValidation
from mcp_gateway.flows.provider_check import ProviderCheck

# What is good for a while yet is sent while the provider does not answer, which is asked again after this.
_ASKED_AGAIN_AFTER = timedelta(seconds=10)
_NO_END = datetime.max.replace(tzinfo=UTC)


@frozen
class ProviderAccess:
    """`proxy.bearer_tokens.UpstreamTokens` of the provider's own tokens.

    A grant whose token cannot be renewed is ended, for a refresh would bring its client back with the same token.

    Args:
        provider: Whose tokens the MCP server is for; it sees no other provider's.
        check: Renews them, once for all replicas, and early.
        grants: That they are of.
        validation: Whether the provider accepts a token that the MCP server does not.
        waiting: For a renewal under way in this process.
        now: The clock.
        events: Hears of tokens that nobody takes.
    """

    provider: str
    check: ProviderCheck
    grants: Grants
    validation: ProviderTokenValidation
    waiting: RecentAnswers[Grant]
    now: Clock
    events: Events

    async def find(self, grant: Grant) -> UpstreamToken:
        """The token; raises what `UpstreamTokens` does."""
        if grant.require_sign_in().provider != self.provider:
            raise AccessDenied("this MCP server is for people of another identity provider")
        return await self._usable(await self._current(grant))

    async def replace(self, grant: Grant, refused: Secret) -> UpstreamToken | None:
        """The provider's next token; None where it gives none and still accepts this one."""
        key = f"{grant.grant_id} {digest(refused.reveal())}"
        current = await self.waiting.find(key, lambda: self.check.replace(grant, refused))
        if current.require_sign_in().access_token != refused:
            return await self._usable(current)
        if not await self._is_accepted(current):
            await self._end(grant, "the provider does not accept its own token any more")
        self.events.alarm("provider_token_not_taken", grant=trace(grant.grant_id))
        return None

    async def _current(self, grant: Grant) -> Grant:
        try:
            return await self.waiting.find(grant.grant_id, lambda: self.check.check(grant))
        except (TemporarilyUnavailable, ServerError):
            if self.now() >= grant.upstream_token_expires_at:
                raise
            return grant

    async def _usable(self, grant: Grant) -> UpstreamToken:
        now, sign_in, ends_at = self.now(), grant.require_sign_in(), grant.upstream_token_expires_at
        token = sign_in.access_token
        if grant.upstream_token_is_lasting:
            return UpstreamToken(token, _NO_END)
        if sign_in.refresh_token is None:
            if now >= ends_at:
                await self._end(grant, "the provider's token has ended, and there is none to renew it with")
            return UpstreamToken(token, ends_at)
        due_at = grant.due_at(self.check.early)
        # It is past that where it could not be renewed in time, or is one that the provider issues for no time at all.
        return UpstreamToken(token, due_at if now < due_at else min(ends_at, now + _ASKED_AGAIN_AFTER))

    async def _is_accepted(self, grant: Grant) -> bool:
        try:
            return await self.validation.validate(grant.require_sign_in().access_token.reveal()) == grant.subject
        except ServerError:
            # Not every provider can be asked about every token; then nothing speaks against this one.
            return True

    async def _end(self, grant: Grant, reason: str) -> NoReturn:
        await self.grants.end(grant.grant_id, reason)
        raise InvalidGrant("the identity provider's token is of no use any more; sign in again")
