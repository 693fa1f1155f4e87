"""JWK sets that others wrote (RFC 7517 §5), before any library reads them."""

from typing import Any

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
