"""`credentials: identity`: who calls, in headers to be read and in an assertion to be verified."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from authproxy_common.clock import Clock
from authproxy_common.secret import Secret
from mcp_gateway.domain.header_values import header_list, header_value
from mcp_gateway.domain.people import KnownCaller
from mcp_gateway.domain.tokens import ActiveToken
from mcp_gateway.proxy.callers import Caller
from mcp_gateway.proxy.credentials import BesideCallers

USER, EMAIL, GROUPS = "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups"


class AssertionIssuer(Protocol):
    """Signs who calls, for one MCP server."""

    def issue(self, caller: KnownCaller, token: ActiveToken) -> tuple[Secret, datetime]:
        """The assertion, and until when it is sent."""
        ...


class Identity:
    """Tells who calls. An assertion is signed once for as many calls as are made within half of its life.

    Args:
        assertions: For this server.
        header: Of the assertion; in `Authorization` it is a bearer token.
        now: The clock.
    """

    def __init__(self, assertions: AssertionIssuer, header: str, now: Clock) -> None:
        self.assertions = assertions
        self.header = header.lower()
        self.now = now
        self._made: BesideCallers[Mapping[str, str]] = BesideCallers()

    async def headers(self, caller: Caller | None) -> Mapping[str, str]:
        if caller is None:
            return {}
        return self.remembered(caller) or self._make(caller)

    def remembered(self, caller: Caller) -> Mapping[str, str] | None:
        return self._made.find(caller, self.now())

    async def others(self, caller: Caller | None, refused: Mapping[str, str]) -> None:
        """Nobody is anybody else."""

    def _make(self, caller: Caller) -> Mapping[str, str]:
        user = caller.person.user if caller.person else {}
        known = KnownCaller.of(caller.token.subject, user)
        assertion, good_until = self.assertions.issue(known, caller.token)
        scheme = "Bearer " if self.header == "authorization" else ""
        told = {USER: header_value(known.subject), self.header: scheme + assertion.reveal()}
        told |= {EMAIL: header_value(known.email)} if known.email else {}
        told |= {GROUPS: header_list(known.groups)} if known.groups else {}
        return self._made.keep(caller, told, good_until)
