"""Client assertions for `private_key_jwt` (RFC 7523 §3, OpenID Connect Core §9)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from authproxy_common.clients.signed_jwts import InvalidJWT, signed_jwt, unverified_claims
from authproxy_common.clock import Clock
from authproxy_common.frozen import frozen

_LEEWAY = timedelta(seconds=60)
_LONGEST = timedelta(hours=1)


@frozen
class ClientAssertion:
    """A verified assertion of a client about itself (RFC 7523 §3), which may be used once."""

    jti: str
    expires_at: datetime


@frozen
class ClientAssertions:
    """Reads the assertions of clients that authenticate with `private_key_jwt`.

    Args:
        audiences: What may stand in `aud`: names of this authorization server and nobody else.
        now: The clock.
    """

    audiences: frozenset[str]
    now: Clock

    def verify(self, assertion: str, client_id: str, jwks: Mapping[str, Any]) -> ClientAssertion:
        """What it says; raises InvalidJWT unless it is one of this client for us, or UnknownKey."""
        claims = _claims(assertion, jwks)
        if not claims.iss == claims.sub == client_id or not (claims.jti and claims.jti.isprintable()):
            raise InvalidJWT("it is about another client, or has no jti")
        audience = claims.aud if isinstance(claims.aud, list) else [claims.aud]
        # All of them: what somebody else accepts too, somebody else can present here.
        if not audience or not set(audience) <= self.audiences:
            raise InvalidJWT("it is for another audience")
        return ClientAssertion(claims.jti, self._expiry(claims))

    def unverified_subject(self, assertion: str) -> str:
        """Whom it claims to be of; empty where it cannot be read."""
        try:
            subject = unverified_claims(assertion).get("sub")
        except InvalidJWT:
            return ""
        return subject if isinstance(subject, str) else ""

    def _expiry(self, claims: "_Claims") -> datetime:
        try:
            expires_at = datetime.fromtimestamp(claims.exp, UTC)
            begins_at = datetime.fromtimestamp(max(claims.nbf, claims.iat), UTC)
        except (OverflowError, ValueError, OSError) as error:
            raise InvalidJWT("it has times that no calendar holds") from error
        now = self.now()
        if not now - _LEEWAY < expires_at <= now + _LONGEST:
            raise InvalidJWT("it has expired, or lives longer than an hour")
        if begins_at > now + _LEEWAY:
            raise InvalidJWT("it is of the future")
        return expires_at


@frozen
class _Claims:
    """Without `jti` a replay could not be told from a second assertion, so it is needed here."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    jti: str
    nbf: float = 0
    iat: float = 0


def _claims(assertion: str, jwks: Mapping[str, Any]) -> _Claims:
    try:
        return msgspec.convert(signed_jwt(assertion, jwks).claims, _Claims)
    except msgspec.ValidationError as error:
        raise InvalidJWT("it lacks a claim, or has one of another type") from error
