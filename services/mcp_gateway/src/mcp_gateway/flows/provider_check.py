"""Whether the provider still accepts a person, asked at a refresh when its own tokens are due."""

from dataclasses import dataclass, replace

from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidGrant, OAuthError
from authproxy_common.events import Events
from authproxy_common.records import Collection
from authproxy_common.secret import trace
from mcp_gateway.domain.grants import Grant, Renewal
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import ProviderTokens


@dataclass(frozen=True, slots=True)
class ProviderCheck:
    """One question at a time for each grant, from whichever replica: providers rotate refresh tokens too.

    Args:
        grants: Where the answer goes.
        renewals: Who is asking at the moment.
        provider_tokens: Who is asked.
        now: The clock.
        events: Hears the answers.
    """

    grants: Grants
    renewals: Collection[Renewal]
    provider_tokens: ProviderTokens
    now: Clock
    events: Events

    async def check(self, grant: Grant) -> None:
        """Return when the provider need not be asked, accepts the person, or is being asked by somebody else.

        Raises:
            InvalidGrant: It no longer does; the grant has ended.
            TemporarilyUnavailable, ServerError: It could not be asked; the grant is as it was.
        """
        if not grant.is_due(self.now()):
            return
        if await self.renewals.claim(grant.grant_id, Renewal(self.now())) is not None:
            return
        try:
            # Read again: since the caller did, another replica may have asked, and have got another refresh token.
            current = await self.grants.find(grant.grant_id)
            if current and current.is_due(self.now()):
                await self._ask(current)
        finally:
            await self.renewals.take(grant.grant_id)

    async def _ask(self, grant: Grant) -> None:
        try:
            sign_in = await self.provider_tokens.refresh(grant.sign_in)
        except InvalidGrant as error:
            await self.grants.end(grant.grant_id, "the provider no longer accepts the person")
            raise InvalidGrant("the identity provider no longer accepts this sign-in") from error
        except OAuthError as error:
            self.events.alarm("provider_check_failed", grant=trace(grant.grant_id), error=error.code)
            raise
        await self.grants.renew(replace(grant, sign_in=sign_in, checked_at=self.now()))
        self.events.note("provider_check_passed", grant=trace(grant.grant_id))
