"""JWTs that somebody signed with a key that they published (RFC 7519, RFC 8725)."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from authproxy_common.clients.key_sets import readable_key
from authproxy_common.errors import InvalidRequest
from authproxy_common.frozen import frozen
from authproxy_common.params import read_json_object
from authproxy_common.text import check_unicode

T = TypeVar("T")

# Asymmetric alone, and never the token's choice beyond these (RFC 8725 §3.1).
ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "Ed25519", "EdDSA")


class InvalidJWT(Exception):
    """Not to be believed, or not any more. The message is for the log."""


class UnknownKey(InvalidJWT):
    """It is signed with a key that is not among the signer's keys as we know them."""


class PublicKeys(Protocol):
    """The public keys of one signer, as JWK sets. Raises ClientRefused or TemporarilyUnavailable."""

    async def known(self) -> Mapping[str, Any]:
        """As we know them."""
        ...

    async def renewed(self) -> Mapping[str, Any]:
        """Asked for again, unless that was just done."""
        ...


@frozen
class SignedJWT:
    """A JWT whose signature was verified, and nothing else about it."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


async def verified_with(keys: PublicKeys, verify: Callable[[Mapping[str, Any]], T]) -> T:
    """What `verify` makes of the keys that we know, or of renewed ones where it knows none of those."""
    try:
        return verify(await keys.known())
    except UnknownKey:
        return verify(await keys.renewed())


def signed_jwt(token: str, jwks: Mapping[str, Any]) -> SignedJWT:
    """`token`, verified with the keys of `jwks`; raises InvalidJWT or UnknownKey."""
    keys = _candidates(_key_id(token), jwks)
    if not keys:
        raise UnknownKey("it is signed with none of the known keys")
    failure: Exception | None = None
    for key in keys:
        try:
            verified = jwt.decode(token, key, algorithms=list(ALGORITHMS))
            check_unicode(verified.claims)
            return SignedJWT(verified.header, verified.claims)
        except (JoseError, ValueError, TypeError) as error:
            failure = error
    raise InvalidJWT("its signature, or its form, is not valid") from failure


def unverified_claims(token: str) -> Mapping[str, Any]:
    """What it claims, not to be believed; raises InvalidJWT where it cannot be read."""
    try:
        return read_json_object(jws.extract_compact(token.encode()).payload)
    except (JoseError, InvalidRequest, ValueError, TypeError) as error:
        raise InvalidJWT("it cannot be read") from error


def _key_id(token: str) -> str | None:
    try:
        key_id = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError, TypeError) as error:
        raise InvalidJWT("it cannot be read") from error
    return key_id if isinstance(key_id, str) else None


def _candidates(key_id: str | None, jwks: Mapping[str, Any]) -> list[Key]:
    """The keys that may have signed: the one that is named, and any that has no name or where none is named."""
    named = [jwk for jwk in jwks["keys"] if key_id is None or jwk.get("kid") in {None, key_id}]
    return [key for jwk in named if (key := readable_key(jwk)) is not None]
