"""`credentials: provider_token` and `token_exchange`: a token for the upstream that is the person's own."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from authproxy_common.clock import Clock
from authproxy_common.errors import AccessDenied, InvalidGrant, ServerError
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret
from mcp_gateway.domain.challenges import Challenge
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.domain.tokens import UpstreamToken
from mcp_gateway.proxy.callers import Caller
from mcp_gateway.proxy.credentials import BesideCallers

T = TypeVar("T")

# What goes into the header has this form, or it would not end where it seems to (RFC 6750 §2.1).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# A server that takes no token at all must not make us get a new one for every call.
_REPLACED_ONCE_IN = timedelta(minutes=1)
# Nor does whoever gets none make us ask at every call.
_DENIED_FOR = timedelta(seconds=30)


class UpstreamTokens(Protocol):
    """Where the tokens for one MCP server come from.

    Both methods raise InvalidGrant when the person has to sign in again, AccessDenied when that would not help, and
    TemporarilyUnavailable or ServerError when the token could not be had.
    """

    async def find(self, grant: Grant) -> UpstreamToken:
        """One that is good."""
        ...

    async def replace(self, grant: Grant, refused: Secret) -> UpstreamToken | None:
        """Another than `refused`, which the server did not accept; None where that one is as good as any other."""
        ...


@frozen
class _Opened:
    """A token as it is sent. `replaced_at` is when it was found to be as good as any other, or took another's place."""

    headers: Mapping[str, str] = field(repr=False)
    token: UpstreamToken
    replaced_at: datetime | None = None


class BearerTokens:
    """Sends the token as `Authorization: Bearer` (RFC 6750 §2.1), from memory until another one is due.

    Args:
        server: Whom for.
        tokens: Where they come from.
        now: The clock.
    """

    def __init__(self, server: MCPServer, tokens: UpstreamTokens, now: Clock) -> None:
        self.server = server
        self.tokens = tokens
        self.now = now
        self._opened: BesideCallers[_Opened] = BesideCallers()
        self._denied: BesideCallers[str] = BesideCallers()

    async def headers(self, caller: Caller | None) -> Mapping[str, str]:
        caller, grant = self._person(caller)
        opened = self._opened.find(caller, self.now())
        if opened is None:
            opened = self._keep(caller, await self._asked(caller, lambda: self.tokens.find(grant)))
        return opened.headers

    def remembered(self, caller: Caller) -> Mapping[str, str] | None:
        opened = self._opened.find(caller, self.now())
        return opened.headers if opened else None

    async def others(self, caller: Caller | None, refused: Mapping[str, str]) -> Mapping[str, str] | None:
        """Those with another token. Who answers 401 has done nothing yet, so that asking again does nothing twice."""
        caller, grant = self._person(caller)
        now = self.now()
        opened = self._opened.find(caller, now)
        if opened is None or opened.headers != refused:
            return await self.headers(caller)
        if opened.replaced_at and now < opened.replaced_at + _REPLACED_ONCE_IN:
            return None
        another = await self._asked(caller, lambda: self.tokens.replace(grant, opened.token.value))
        kept = self._keep(caller, another or opened.token, replaced_at=now)
        return kept.headers if another else None

    def _person(self, caller: Caller | None) -> tuple[Caller, Grant]:
        if caller is None or caller.grant is None:
            raise AccessDenied("this MCP server is called with a token of the person's own, and here is no person")
        return caller, caller.grant

    async def _asked(self, caller: Caller, question: Callable[[], Awaitable[T]]) -> T:
        if denied := self._denied.find(caller, self.now()):
            raise AccessDenied(denied)
        try:
            return await question()
        except InvalidGrant as error:
            raise Challenge(self.server, error.description) from error
        except AccessDenied as error:
            self._denied.keep(caller, error.description, self.now() + _DENIED_FOR)
            raise

    def _keep(self, caller: Caller, token: UpstreamToken, replaced_at: datetime | None = None) -> _Opened:
        if not _TOKEN.fullmatch(token.value.reveal()):
            raise ServerError("the identity provider's token cannot be sent as a bearer token")
        headers = {"authorization": f"Bearer {token.value.reveal()}"}
        return self._opened.keep(caller, _Opened(headers, token, replaced_at), token.good_until)
