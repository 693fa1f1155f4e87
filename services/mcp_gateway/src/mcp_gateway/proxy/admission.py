"""Who may pass. Two kinds of door: one that asks for a token, one that is open."""

from collections import OrderedDict
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

import anyio
from starlette.datastructures import Headers

from authproxy_common.clock import Clock
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.frozen import frozen
from authproxy_common.secret import digest
from mcp_gateway.domain.challenges import Challenge, InsufficientScope
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.domain.tokens import ActiveToken, InvalidAccessToken
from mcp_gateway.proxy.callers import Caller

T = TypeVar("T")

_REMEMBERED = 10_000
_EPOCH_KEPT = timedelta(seconds=1)
_SOON = 0.5


class Admission(Protocol):
    """Decides about one call."""

    async def admit(self, server: MCPServer, headers: Headers) -> Caller | None:
        """The caller, or None where nobody is known; raises Challenge."""
        ...


class AccessTokenVerifier(Protocol):
    """Reads access tokens."""

    async def verify(self, access_token: str) -> ActiveToken:
        """What the token says; raises InvalidAccessToken, or an OAuthError where nobody could say."""
        ...


class GrantStatus(Protocol):
    """Which grants have ended before their tokens. Raises TemporarilyUnavailable."""

    async def epoch(self) -> str | None:
        """A value that is another one after any grant has ended."""
        ...

    async def has_ended(self, grant_id: str, consent_id: str | None) -> bool:
        """Whether this one has, by itself or with its consent."""
        ...

    async def find(self, grant_id: str) -> Grant | None:
        """The grant, unless it has ended."""
        ...


@dataclass(slots=True)
class _Memory:
    """Callers whose tokens were verified in the present epoch, by the tokens' digests."""

    epoch: str | None = None
    asked_at: datetime = datetime.min.replace(tzinfo=UTC)
    callers: OrderedDict[str, Caller] = field(default_factory=OrderedDict)

    def turn(self, epoch: str | None) -> None:
        if epoch != self.epoch:
            self.epoch = epoch
            self.callers.clear()

    def keep(self, key: str, caller: Caller) -> None:
        self.callers[key] = caller
        if len(self.callers) > _REMEMBERED:
            self.callers.popitem(last=False)


@frozen
class TokenAdmission:
    """Admits whoever has a token of ours for the very server that is called (RFC 9068 §4, OAuth 2.1 §5).

    A verified token is remembered by its digest, so a call costs one hash and one look-up. Once a second the store is
    asked whether any grant has ended; if so, everything is forgotten and each token's grant is asked for again. While
    the store does not answer, what is remembered stays good, and a token that is not gets 503.

    Args:
        access_tokens: Reads the tokens.
        grants: Which of their grants have ended.
        now: The clock.
        tells_grants: Whether something behind the door has to know what a token was issued under.
    """

    access_tokens: AccessTokenVerifier
    grants: GrantStatus
    now: Clock
    tells_grants: bool = False
    _memory: _Memory = field(default_factory=_Memory)

    async def admit(self, server: MCPServer, headers: Headers) -> Caller:
        """Raises Challenge or InsufficientScope."""
        caller = await self._known(server, bearer(server, headers))
        token = caller.token
        if token.resource != server.resource:
            raise Challenge(server, "the access token is for another MCP server")
        missing = set(server.required_scopes) - token.scope
        if missing:
            raise InsufficientScope(server, "the access token lacks a scope that this call needs")
        return caller

    def remembered(self, server: MCPServer, key: str) -> Caller | None:
        """The caller whose token has the digest `key`, if `admit` would say the same without asking anybody."""
        now, asked_at = self.now(), self._memory.asked_at
        caller = self._memory.callers.get(key)
        if caller is None or not asked_at <= now < asked_at + _EPOCH_KEPT:
            return None
        token = caller.token
        if now >= token.good_until or token.resource != server.resource:
            return None
        return caller if token.scope.issuperset(server.required_scopes) else None

    async def _known(self, server: MCPServer, value: str) -> Caller:
        await self._follow_epochs()
        key = digest(value)
        caller = self._memory.callers.get(key)
        if caller is None or self.now() >= caller.token.good_until:
            self._memory.callers.pop(key, None)
            caller = await self._verified(server, key, value)
        return caller

    async def _verified(self, server: MCPServer, key: str, value: str) -> Caller:
        try:
            token = await self.access_tokens.verify(value)
        except InvalidAccessToken as error:
            raise Challenge(server, str(error)) from error
        epoch = self._memory.epoch
        caller = Caller(token, await _answered_soon(self._grant(server, token)))
        # What was asked in an epoch that has passed meanwhile may no longer be so.
        if epoch == self._memory.epoch:
            self._memory.keep(key, caller)
        return caller

    async def _grant(self, server: MCPServer, token: ActiveToken) -> Grant | None:
        """What the token was issued under, where somebody has to know; raises Challenge where it has ended."""
        if self.tells_grants:
            grant = await self.grants.find(token.grant_id)
            has_ended = grant is None
        else:
            grant, has_ended = None, await self.grants.has_ended(token.grant_id, token.consent_id)
        if has_ended:
            raise Challenge(server, "the access token's grant has ended")
        return grant

    async def _follow_epochs(self) -> None:
        asked_at, now = self._memory.asked_at, self.now()
        # The second half is for a clock that was set back.
        if now >= asked_at + _EPOCH_KEPT or now < asked_at:
            # Noted before the answer, so that one call in a second waits for it.
            self._memory.asked_at = now
            with suppress(TemporarilyUnavailable):
                self._memory.turn(await _answered_soon(self.grants.epoch()))


async def _answered_soon(question: Awaitable[T]) -> T:
    """What the store answers; raises TemporarilyUnavailable where it does not at once, for calls cannot wait long."""
    try:
        with anyio.fail_after(_SOON):
            return await question
    except TimeoutError as error:
        raise TemporarilyUnavailable("the session store did not answer", dependency="redis") from error


@frozen
class OpenAdmission:
    """Admits everybody: `enable_auth: false`."""

    async def admit(self, server: MCPServer, headers: Headers) -> None:
        """Nothing is asked and nobody is known."""


def bearer(server: MCPServer, headers: Headers) -> str:
    """The token of the Authorization header, the only place where one is looked for (OAuth 2.1 §5.2)."""
    values = headers.getlist("authorization")
    if not values:
        raise Challenge(server, "an access token is needed", names_error=False)
    scheme, _, token = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise Challenge(server, "the Authorization header is not one bearer token")
    return token.strip()
