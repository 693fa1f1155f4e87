"""Whether the provider still accepts a person, asked at a refresh when its own tokens are due."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias

import anyio

from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidGrant, OAuthError, TemporarilyUnavailable
from authproxy_common.events import Events
from authproxy_common.exchange import SignIn
from authproxy_common.frozen import frozen
from authproxy_common.records import Collection
from authproxy_common.secret import Secret, trace
from mcp_gateway.domain.grants import Grant, Renewal
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import ProviderTokens

# What of a grant the provider has to be asked about, if anything.
_Due: TypeAlias = Callable[[Grant], SignIn | None]

_PATIENCE = 15.0
# All that is done has bounds of its own, which together are shorter.
_LONGEST = 60.0
_LOOKS_EVERY = 0.1


@frozen
class ProviderCheck:
    """One question at a time for each grant, from whichever replica: providers rotate refresh tokens too.

    Args:
        grants: Where the answer goes.
        renewals: Who is asking at the moment; longer than a question takes, and less long than others wait for it.
        provider_tokens: Who is asked.
        early: How long before the provider's access token ends it is asked for the next one: not at all where nobody
            but us has it, a while where the client does, or an MCP server.
        now: The clock.
        events: Hears the answers.
    """

    grants: Grants
    renewals: Collection[Renewal]
    provider_tokens: ProviderTokens
    early: timedelta
    now: Clock
    events: Events

    async def check(self, grant: Grant) -> Grant:
        """The grant as it is now, when the provider need not be asked, or accepts the person.

        Whoever asks, all wait for the answer.

        Raises:
            InvalidGrant: It no longer does, or the grant was ended meanwhile.
            TemporarilyUnavailable, ServerError: It could not be asked; the refresh token was not used up.
        """
        return await self._settled(grant, self._due)

    async def replace(self, grant: Grant, refused: Secret) -> Grant:
        """The grant with another access token than `refused`, which somebody did not accept, if it is not due either.

        As it is where there is nothing to get another one with. Raises what `check` does.
        """

        def due(current: Grant) -> SignIn | None:
            sign_in = current.sign_in
            return sign_in if sign_in and sign_in.refresh_token and sign_in.access_token == refused else None

        # As the caller has it, it may be of before `refused`.
        return await self._settled(await self._current(grant.grant_id), due)

    async def _settled(self, grant: Grant, due: _Due) -> Grant:
        if not due(grant):
            return grant
        asking = await self.renewals.claim(grant.grant_id, Renewal(self.now()))
        if asking is not None:
            return await self._answer_of_another(grant.grant_id, asking, due)
        # Not cancelled with a caller who leaves: others wait for the answer, and the question uses a refresh token up.
        with anyio.fail_after(_LONGEST, shield=True):
            return await self._asked(grant.grant_id, due)

    async def _asked(self, grant_id: str, due: _Due) -> Grant:
        try:
            # Read again: since the caller did, another replica may have asked, and have got another refresh token.
            current = await self._current(grant_id)
            asked_about = due(current)
            return await self._ask(current, asked_about) if asked_about else current
        finally:
            # It ends by itself too; what came of the question is worth more than an error here.
            with suppress(TemporarilyUnavailable):
                await self.renewals.take(grant_id)

    async def _answer_of_another(self, grant_id: str, asking: Renewal, due: _Due) -> Grant:
        with anyio.move_on_after(_PATIENCE):
            # Another process cannot wake us, so there is nothing to do but look.
            while await self.renewals.get(grant_id):  # noqa: ASYNC110
                await anyio.sleep(_LOOKS_EVERY)
        current = await self._current(grant_id)
        # The second half is for a token that lives so short that it is due again at once; both times are the asker's.
        if not due(current) or current.checked_at >= asking.begun_at:
            return current
        if self.now() < asking.begun_at + self.renewals.ttl:
            raise TemporarilyUnavailable("the identity provider could not be asked", dependency="identity provider")
        # Nobody took the mark away before it expired: the replica that asked was killed.
        return await self._settled(current, due)

    async def _current(self, grant_id: str) -> Grant:
        current = await self.grants.find(grant_id)
        if current is None:
            raise InvalidGrant("the grant has ended")
        return current

    def _due(self, grant: Grant) -> SignIn | None:
        return grant.sign_in_due(self.now(), self.early)

    async def _ask(self, grant: Grant, asked_about: SignIn) -> Grant:
        try:
            sign_in = await self.provider_tokens.refresh(asked_about)
        except InvalidGrant as error:
            await self.grants.end(grant.grant_id, "the provider no longer accepts the person")
            raise InvalidGrant("the identity provider no longer accepts this sign-in") from error
        except OAuthError as error:
            self.events.alarm("provider_check_failed", grant=trace(grant.grant_id), error=error.code)
            raise
        renewed = replace(grant, sign_in=sign_in, checked_at=self.now())
        await self.grants.renew(renewed)
        if await self.grants.find(grant.grant_id) is None:
            # Ended while we asked: what ended it knew the old tokens alone.
            await self.provider_tokens.revoke(sign_in)
            raise InvalidGrant("the grant has ended")
        self.events.note("provider_check_passed", grant=trace(grant.grant_id))
        return renewed
