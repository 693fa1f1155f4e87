"""The signing ring: the newest key signs, every key of the ring verifies, all are published (RFC 7517)."""

import re
from collections.abc import Sequence
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from authproxy_common.secret import Secret

ALGORITHM = "ES256"
CURVE = "P-256"

_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


class SigningKeys:
    """A ring of P-256 keys.

    Args:
        keys: Newest first; at least one.
    """

    def __init__(self, keys: Sequence[ECKey]) -> None:
        self.newest = keys[0]
        self.ring = KeySet(list(keys))

    @classmethod
    def from_pem(cls, pem: Secret) -> "SigningKeys":
        """From PEM private keys one after the other, newest first; raises ValueError."""
        blocks = [found.group() for found in _PEM.finditer(pem.reveal())]
        if not blocks:
            raise ValueError("holds no PEM private key")
        return cls([_imported(block) for block in blocks])

    def published(self) -> dict[str, Any]:
        """The JWK set, public halves alone."""
        return {"keys": [_public(key) for key in self.ring.keys]}


def generate_signing_key() -> Secret:
    """A new private key, in PEM."""
    return Secret(ECKey.generate_key(CURVE).as_pem(private=True).decode())


def signing_keys_problem(pem: Secret) -> str | None:
    """What is wrong with the keys that an operator wrote down, or None."""
    try:
        SigningKeys.from_pem(pem)
    except ValueError as error:
        return f"{error}; make a key with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{CURVE}`"
    return None


def _imported(pem: str) -> ECKey:
    try:
        key = ECKey.import_key(pem, {"use": "sig", "alg": ALGORITHM})
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError("holds something that is no PEM private key of an elliptic curve") from error
    if key.curve_name != CURVE or not key.is_private:
        raise ValueError(f"holds a key that is no private key on {CURVE}")
    key.ensure_kid()
    return key


def _public(key: Any) -> dict[str, Any]:
    public: dict[str, Any] = key.as_dict(private=False)
    return public
