"""Remembered consents: looked up, kept, shown, withdrawn. They belong to a browser, not to a person."""

from dataclasses import replace
from datetime import timedelta

from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidRequest
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.records.slots import Slots
from authproxy_common.secret import trace
from mcp_gateway.domain.authorizations import Authorization
from mcp_gateway.domain.consents import GivenConsent
from mcp_gateway.flows.grants import Grants


@frozen
class Consents:
    """Those given in each browser.

    Args:
        given: By the digest of the browser's cookie; kept until nothing is left of what was granted under them.
        remembered_for: How long nobody is asked again; nothing where people are asked every time.
        grants: Opened under them.
        now: The clock.
        events: Hears of them.
    """

    given: Slots[GivenConsent]
    remembered_for: timedelta
    grants: Grants
    now: Clock
    events: Events

    async def find(self, browser: str, authorization: Authorization) -> GivenConsent | None:
        """The consent by which nobody has to be asked about `authorization`, if it was given in `browser`."""
        consent = await self._covering(browser, authorization)
        return consent if consent and consent.given_at > self.now() - self.remembered_for else None

    async def give(self, browser: str, authorization: Authorization) -> str:
        """Keep what was just allowed; the consent's id, which is that of an earlier one that covered it.

        A browser has a bounded number of them, and nobody could withdraw one that is not kept: one too many ends the
        oldest, with all that was granted under it.
        """
        covering = await self._covering(browser, authorization)
        if covering:
            again = replace(covering, given_at=self.now())
            await self.given.replace(browser, lambda each: each.consent_id == covering.consent_id, again)
            return covering.consent_id
        consent = GivenConsent.to(authorization, self.now())
        for evicted in await self.given.add(browser, consent):
            await self.grants.end_all_under(evicted.consent_id, "too many consents were given in its browser")
        return consent.consent_id

    async def all(self, browser: str) -> list[GivenConsent]:
        """Those given in `browser`, the latest first."""
        return sorted(await self.given.all(browser), key=lambda consent: consent.given_at, reverse=True)

    async def withdraw(self, browser: str, withdrawal_key: str) -> None:
        """Ask again next time, and end what was granted under the consent, at every replica.

        Raises InvalidRequest when the key is of no consent that was given in this browser.
        """
        meant = [each for each in await self.all(browser) if each.is_withdrawn_by(withdrawal_key)]
        if not meant:
            raise InvalidRequest("this was withdrawn already, or was allowed in another browser", remedy=_LOOK_AGAIN)
        # Before it is forgotten, so that a withdrawal that failed half-way can be made again.
        await self.grants.end_all_under(meant[0].consent_id, "its consent was withdrawn")
        await self.given.discard(browser, lambda consent: consent.is_withdrawn_by(withdrawal_key))
        self.events.note("consent_withdrawn", consent=trace(meant[0].consent_id))

    async def _covering(self, browser: str, authorization: Authorization) -> GivenConsent | None:
        for consent in await self.all(browser):
            # One that has ended is still there when its withdrawal was interrupted.
            if consent.covers(authorization) and not await self.grants.has_ended(consent.consent_id):
                return consent
        return None


_LOOK_AGAIN = "Go back to the page, reload it, and see what is still there."
