"""Admission by the provider's own access tokens: `token_mode: passthrough`.

Neither the audience nor a scope of such a token can be checked here, which is why MCP forbids to take one.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from starlette.datastructures import Headers

from authproxy_common.clock import Clock
from authproxy_common.secret import digest
from mcp_gateway.domain.challenges import Challenge
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.proxy.admission import Caller, bearer

_BELIEVED_FOR = timedelta(seconds=5)
_REMEMBERED = 10_000


class ProviderTokenValidation(Protocol):
    """Whether the provider accepts an access token of its own."""

    async def validate(self, access_token: str) -> str | None:
        """`provider:sub` of its person, or None; raises TemporarilyUnavailable or ServerError."""
        ...


@dataclass(frozen=True, slots=True)
class PassthroughAdmission:
    """Admits whoever has an access token that the provider accepts; remembers its answer for some seconds."""

    provider_tokens: ProviderTokenValidation
    now: Clock
    _believed: "OrderedDict[str, tuple[Caller, datetime]]" = field(default_factory=OrderedDict)

    async def admit(self, server: MCPServer, headers: Headers) -> Caller:
        """Raises Challenge, and what the port raises."""
        value = bearer(server, headers)
        key, now = digest(value), self.now()
        caller, until = self._believed.get(key, (None, now))
        if caller is not None and now < until:
            return caller
        subject = await self.provider_tokens.validate(value)
        if subject is None:
            self._believed.pop(key, None)
            raise Challenge(server, "the access token is invalid or has expired")
        caller = Caller(subject)
        self._believed[key] = (caller, now + _BELIEVED_FOR)
        self._believed.move_to_end(key)
        if len(self._believed) > _REMEMBERED:
            self._believed.popitem(last=False)
        return caller
