"""Who may pass. Two kinds of door: one that asks for a token, one that is open."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers

from authproxy_common.clock import Clock
from authproxy_common.secret import digest
from mcp_gateway.domain.challenges import Challenge, InsufficientScope
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.domain.tokens import ActiveToken
from mcp_gateway.tokens.access_tokens import AccessTokens, InvalidAccessToken

_REMEMBERED = 10_000


class Admission(Protocol):
    """Decides about one call."""

    def admit(self, server: MCPServer, headers: Headers) -> ActiveToken | None:
        """The caller's token, or None where callers need none; raises Challenge."""
        ...


@dataclass(frozen=True, slots=True)
class TokenAdmission:
    """Admits whoever has a token of ours for the very server that is called (RFC 9068 §4, OAuth 2.1 §5).

    A verified token is remembered by its digest until it expires, so a call costs one hash and one look-up.
    """

    access_tokens: AccessTokens
    now: Clock
    _verified: OrderedDict[str, ActiveToken] = field(default_factory=OrderedDict)

    def admit(self, server: MCPServer, headers: Headers) -> ActiveToken:
        """Raises Challenge or InsufficientScope."""
        value = _bearer(server, headers)
        token = self._active(server, value)
        if token.resource != server.resource:
            raise Challenge(server, "the access token is for another MCP server")
        missing = set(server.required_scopes) - token.scope
        if missing:
            raise InsufficientScope(server, "the access token lacks a scope that this call needs")
        return token

    def _active(self, server: MCPServer, value: str) -> ActiveToken:
        key = digest(value)
        token = self._verified.get(key)
        if token is None:
            try:
                token = self._verified[key] = self.access_tokens.verify(value)
            except InvalidAccessToken as error:
                raise Challenge(server, str(error)) from error
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        elif self.now() >= token.expires_at:
            del self._verified[key]
            raise Challenge(server, "the access token is invalid or has expired")
        return token


@dataclass(frozen=True, slots=True)
class OpenAdmission:
    """Admits everybody: `enable_auth: false`."""

    def admit(self, server: MCPServer, headers: Headers) -> None:
        """Nothing is asked and nobody is known."""


def _bearer(server: MCPServer, headers: Headers) -> str:
    """The token of the Authorization header, the only place where one is looked for (OAuth 2.1 §5.2)."""
    values = headers.getlist("authorization")
    if not values:
        raise Challenge(server, "an access token is needed", names_error=False)
    scheme, _, token = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise Challenge(server, "the Authorization header is not one bearer token")
    return token.strip()
