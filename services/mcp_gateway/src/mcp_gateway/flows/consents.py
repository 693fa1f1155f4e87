"""Remembered consents: looked up, kept, shown, withdrawn. They belong to a browser, not to a person."""

from dataclasses import dataclass

from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidRequest
from authproxy_common.events import Events
from authproxy_common.records.slots import Slots
from authproxy_common.secret import trace
from mcp_gateway.domain.authorizations import Authorization
from mcp_gateway.domain.consents import GivenConsent
from mcp_gateway.flows.grants import Grants


@dataclass(frozen=True, slots=True)
class Consents:
    """Those given in each browser.

    Args:
        given: By the digest of the browser's cookie.
        remembers: Whether any are kept; otherwise people are asked every time.
        grants: Opened under them.
        now: The clock.
        events: Hears of them.
    """

    given: Slots[GivenConsent]
    remembers: bool
    grants: Grants
    now: Clock
    events: Events

    async def find(self, browser: str, authorization: Authorization) -> GivenConsent | None:
        """The consent that covers `authorization`, if it was given in `browser`."""
        return next((consent for consent in await self.all(browser) if consent.covers(authorization)), None)

    async def remember(self, browser: str, authorization: Authorization) -> str | None:
        """Keep it; the consent's id, or None where nothing is remembered."""
        if not self.remembers:
            return None
        consent = await self.find(browser, authorization)
        if consent is None:
            consent = GivenConsent.to(authorization, self.now())
            await self.given.add(browser, consent)
        return consent.consent_id

    async def all(self, browser: str) -> list[GivenConsent]:
        """Those given in `browser`, the latest first."""
        if not self.remembers:
            return []
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


_LOOK_AGAIN = "Go back to the page, reload it, and see what is still there."
