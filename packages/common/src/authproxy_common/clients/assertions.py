"""Client assertions for `private_key_jwt` (RFC 7523 §3, OpenID Connect Core §9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from authproxy_common.clients.key_sets import readable_key
from authproxy_common.clock import Clock

# Asymmetric alone, and never the assertion's choice beyond these (RFC 8725 §3.1).
ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "Ed25519", "EdDSA")

_LEEWAY = timedelta(seconds=60)
_LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """A verified assertion of a client about itself (RFC 7523 §3), which may be used once."""

    jti: str
    expires_at: datetime


class InvalidClientAssertion(Exception):
    """Not an assertion of this client for us, or not any more. The message is for the log."""


class UnknownKey(InvalidClientAssertion):
    """It is signed with a key that is not among the client's keys as we know them."""


@dataclass(frozen=True, slots=True)
class ClientAssertions:
    """Reads the assertions of clients that authenticate with `private_key_jwt`.

    Args:
        audiences: What may stand in `aud`: names of this authorization server and nobody else.
        now: The clock.
    """

    audiences: frozenset[str]
    now: Clock

    def verify(self, assertion: str, client_id: str, jwks: Mapping[str, Any]) -> ClientAssertion:
        """What it says; raises InvalidClientAssertion or UnknownKey."""
        keys = _candidates(_key_id(assertion), jwks)
        if not keys:
            raise UnknownKey("its assertion is signed with none of its keys")
        claims = self._claims(assertion, keys)
        if not claims.iss == claims.sub == client_id or not (claims.jti and claims.jti.isprintable()):
            raise InvalidClientAssertion("its assertion is about another client, or has no jti")
        audience = claims.aud if isinstance(claims.aud, list) else [claims.aud]
        # All of them: what somebody else accepts too, somebody else can present here.
        if not audience or not set(audience) <= self.audiences:
            raise InvalidClientAssertion("its assertion is for another audience")
        return ClientAssertion(claims.jti, self._expiry(claims))

    def unverified_subject(self, assertion: str) -> str:
        """Whom it claims to be of; empty where it cannot be read."""
        try:
            subject = msgspec.json.decode(jws.extract_compact(assertion.encode()).payload, type=_Subject).sub
        except (JoseError, ValueError, TypeError, msgspec.MsgspecError):
            return ""
        return subject

    def _claims(self, assertion: str, keys: list[Key]) -> "_Claims":
        failure: Exception | None = None
        for key in keys:
            try:
                return msgspec.convert(jwt.decode(assertion, key, algorithms=list(ALGORITHMS)).claims, _Claims)
            except (JoseError, msgspec.ValidationError, ValueError, TypeError) as error:
                failure = error
        raise InvalidClientAssertion("its assertion is not signed with its key, or lacks a claim") from failure

    def _expiry(self, claims: "_Claims") -> datetime:
        try:
            expires_at = datetime.fromtimestamp(claims.exp, UTC)
            begins_at = datetime.fromtimestamp(max(claims.nbf, claims.iat), UTC)
        except (OverflowError, ValueError, OSError) as error:
            raise InvalidClientAssertion("its assertion has times that no calendar holds") from error
        now = self.now()
        if not now - _LEEWAY < expires_at <= now + _LONGEST:
            raise InvalidClientAssertion("its assertion has expired, or lives longer than an hour")
        if begins_at > now + _LEEWAY:
            raise InvalidClientAssertion("its assertion is of the future")
        return expires_at


@dataclass(frozen=True, slots=True)
class _Subject:
    sub: str = ""


@dataclass(frozen=True, slots=True)
class _Claims:
    """Without `jti` a replay could not be told from a second assertion, so it is needed here."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    jti: str
    nbf: float = 0
    iat: float = 0


def _key_id(assertion: str) -> str | None:
    try:
        key_id = jws.extract_compact(assertion.encode()).headers().get("kid")
    except (JoseError, ValueError, TypeError) as error:
        raise InvalidClientAssertion("its assertion cannot be read") from error
    return key_id if isinstance(key_id, str) else None


def _candidates(key_id: str | None, jwks: Mapping[str, Any]) -> list[Key]:
    """The keys that may have signed: the one that is named, and any that has no name or where none is named."""
    named = [jwk for jwk in jwks["keys"] if key_id is None or jwk.get("kid") in {None, key_id}]
    return [key for jwk in named if (key := readable_key(jwk)) is not None]
