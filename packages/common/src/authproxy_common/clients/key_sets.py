"""JWK sets that others wrote (RFC 7517 §5)."""

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from authproxy_common.errors import InvalidClientMetadata

_MAX_KEYS, _MANY_KEYS = 20, 200
_ASYMMETRIC = ("EC", "RSA", "OKP")
_PRIVATE = {"d", "p", "q", "k"}


def check_public_keys(jwks: Any) -> None:
    """Raises InvalidClientMetadata unless `jwks` is a set of public keys, and of a size that can be tried."""
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not keys or len(keys) > _MAX_KEYS:
        raise InvalidClientMetadata(f"jwks must be a JWK set of 1 to {_MAX_KEYS} keys")
    if not all(map(_is_public, keys)):
        raise InvalidClientMetadata(
            "jwks must hold public keys of kty EC, RSA or OKP, with no private part and no kid that is no string"
        )


def public_keys_of(jwks: Any) -> dict[str, Any]:
    """The keys of a set that its signer published which are of use; there may be others (RFC 7517 §5).

    Raises ValueError where there is none, or more than anybody needs.
    """
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or len(keys) > _MANY_KEYS:
        raise ValueError(f"is no JWK set of at most {_MANY_KEYS} keys")
    usable = [key for key in keys if _is_public(key)]
    if not usable:
        raise ValueError("has no public key of kty EC, RSA or OKP")
    return {"keys": usable}


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


def _is_public(key: Any) -> bool:
    if not isinstance(key, dict) or key.get("kty") not in _ASYMMETRIC or _PRIVATE & key.keys():
        return False
    return isinstance(key.get("kid", ""), str)
