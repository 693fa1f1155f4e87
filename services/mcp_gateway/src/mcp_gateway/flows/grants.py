"""Grants in the store: opened once, rotated without anybody losing out, ended everywhere."""

from datetime import datetime, timedelta

from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidGrant
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.records import Collection
from authproxy_common.secret import mint, trace
from mcp_gateway.domain.grants import Ended, Epoch, Grant, RefreshToken, Rotation

_CURRENT = "current"


@frozen
class Grants:
    """Every grant there is.

    Args:
        open_grants, rotations, ended, epochs: Collections whose records all live as long as a grant may.
        grace: For how long after its first use a refresh token gets the same successor again.
        now: The clock.
        events: Hears of every end.
    """

    open_grants: Collection[Grant]
    rotations: Collection[Rotation]
    ended: Collection[Ended]
    epochs: Collection[Epoch]
    grace: timedelta
    now: Clock
    events: Events

    async def open(self, grant: Grant) -> None:
        """Store a new grant."""
        await self._store(grant)

    async def renew(self, grant: Grant) -> None:
        """Store what changed about a grant, for the time that it has left."""
        await self._store(grant)

    async def find(self, grant_id: str) -> Grant | None:
        """The grant, unless it ended."""
        grant = await self.stored(grant_id)
        if grant is None or self.ends_at(grant) <= self.now():
            return None
        if await self.has_ended(grant_id, grant.consent_id):
            # Stored while it was being ended, or its end was interrupted.
            await self._finish(grant_id)
            return None
        return grant

    def ends_at(self, grant: Grant) -> datetime:
        """When the grant ends by itself."""
        return grant.ends_at or grant.opened_at + self.open_grants.ttl

    async def stored(self, grant_id: str) -> Grant | None:
        """The grant's record, whether it has ended or not."""
        return await self.open_grants.get(grant_id)

    async def has_ended(self, grant_id: str, consent_id: str | None = None) -> bool:
        """Whether the grant was ended before its time, by itself or with all others under its consent."""
        if await self.ended.get(grant_id) is not None:
            return True
        return consent_id is not None and await self.ended.get(consent_id) is not None

    async def epoch(self) -> str | None:
        """A value that is another one after any grant has ended."""
        epoch = await self.epochs.get(_CURRENT)
        return epoch.value if epoch else None

    async def end(self, grant_id: str, reason: str) -> None:
        """Nothing of the grant can be used any more, whatever else is under way.

        May be called again when it failed half-way, and does nothing where nothing is left to do.
        """
        marked_before = await self.ended.claim(grant_id, Ended(reason)) is not None
        if marked_before and await self.stored(grant_id) is None:
            return
        await self._finish(grant_id)
        self.events.note("grant_ended", grant=trace(grant_id), reason=reason)

    async def end_all_under(self, consent_id: str, reason: str) -> None:
        """Nothing that was granted under the consent can be used any more, nor what will have been under way."""
        await self.ended.claim(consent_id, Ended(reason))
        await self.epochs.put(_CURRENT, Epoch(mint()))

    async def is_current(self, token: RefreshToken) -> bool:
        """Whether the refresh token can still be used: was not used yet, or not longer ago than the grace window."""
        first = await self.rotations.get(_rotation(token))
        return first is None or self.now() - first.used_at <= self.grace

    async def _store(self, grant: Grant) -> None:
        await self.open_grants.put(grant.grant_id, grant, self.ends_at(grant) - self.now())

    async def _finish(self, grant_id: str) -> None:
        await self.epochs.put(_CURRENT, Epoch(mint()))
        await self.open_grants.take(grant_id)

    async def rotate(self, grant: Grant, token: RefreshToken) -> str:
        """The successor of `token`, the same one for everybody who asks within the grace window.

        Raises InvalidGrant, and ends the grant, when the token was used longer ago: somebody kept a copy (RFC 9700
        §4.14.2).
        """
        first = await self.rotations.claim(_rotation(token), Rotation(self.now()))
        if first is not None and self.now() - first.used_at > self.grace:
            self.events.alarm("refresh_token_replayed", grant=trace(grant.grant_id), generation=token.generation)
            await self.end(grant.grant_id, "a superseded refresh token was used")
            raise InvalidGrant("the refresh token was used before")
        return grant.refresh_token(token.generation + 1)


def _rotation(token: RefreshToken) -> str:
    return f"{token.grant_id}.{token.generation}"
