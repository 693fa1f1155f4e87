"""JWK sets that others wrote (RFC 7517 §5)."""

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from authproxy_common.errors import InvalidClientMetadata

_MAX_KEYS = 20
_ASYMMETRIC = ("EC", "RSA", "OKP")
_PRIVATE = {"d", "p", "q", "k"}


def check_public_keys(jwks: Any) -> None:
    """Raises InvalidClientMetadata unless `jwks` is a set of public keys, and of a size that can be tried."""
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not keys or len(keys) > _MAX_KEYS:
        raise InvalidClientMetadata(f"jwks must be a JWK set of 1 to {_MAX_KEYS} keys")
    for key in keys:
        if not isinstance(key, dict) or key.get("kty") not in _ASYMMETRIC or _PRIVATE & key.keys():
            raise InvalidClientMetadata("jwks must hold public keys of kty EC, RSA or OKP, and no private part of any")
        if not isinstance(key.get("kid", ""), str):
            raise InvalidClientMetadata("jwks has a kid that is no string")


def key_set_problem(jwks: dict[str, Any]) -> str | None:
    """What is wrong with a JWK set that an operator wrote down, or None; an empty one was not."""
    try:
        if jwks:
            check_public_keys(jwks)
    except InvalidClientMetadata as error:
        return error.description
    return None


def readable_key(jwk: Any) -> Key | None:
    """A key of a kind that we can use, or None; a key set may have others."""
    try:
        return KeySet.import_key_set({"keys": [jwk]}).keys[0]
    except (JoseError, ValueError, TypeError, KeyError, IndexError):
        return None
