"""Sealing: AES-256-GCM under a ring of keys. The newest key seals, every key of the ring opens."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from authproxy_common.secret import Secret

_KEY_BYTES, _NONCE_BYTES, _ID_BYTES = 32, 12, 4


class Unsealable(ValueError):
    """Sealed by no key of this ring, for another purpose, or tampered with."""


class SealingKeys:
    """A ring of sealing keys.

    Args:
        keys: Each the base64url of 32 bytes, newest first; at least one.

    Raises:
        ValueError: A key is not that, or there is none.
    """

    def __init__(self, keys: Sequence[Secret]) -> None:
        decoded = [_decode(key) for key in keys]
        if not decoded:
            raise ValueError("a sealing ring needs at least one key")
        self._newest = _key_id(decoded[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in decoded}

    def seal(self, plaintext: bytes, purpose: str) -> bytes:
        """Key id, nonce and ciphertext. Opens only for the same `purpose`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, plaintext, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """What `seal` was given; raises Unsealable."""
        cipher = self._ciphers.get(sealed[:_ID_BYTES])
        nonce, ciphertext = sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], sealed[_ID_BYTES + _NONCE_BYTES :]
        if cipher is None or len(nonce) != _NONCE_BYTES:
            raise Unsealable("sealed by no key of this ring")
        try:
            return cipher.decrypt(nonce, ciphertext, purpose.encode())
        except InvalidTag as error:
            raise Unsealable("sealed for another purpose, or tampered with") from error


def generate_key() -> Secret:
    """A new sealing key, as `SealingKeys` takes it."""
    return Secret(base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode())


def ring_problems(keys: Sequence[Secret], setting: str) -> Iterator[tuple[str, str]]:
    """What is wrong with keys that an operator wrote down, each with its place below the key `setting`."""
    for index, key in enumerate(keys):
        try:
            _decode(key)
        except ValueError:
            yield (
                f"{setting}[{index}]",
                "must be the base64 of 32 random bytes; make one with `openssl rand -base64 32`",
            )


def _decode(key: Secret) -> bytes:
    # `openssl rand -base64 32` writes the other alphabet.
    text = key.reveal().translate(str.maketrans("+/", "-_")).rstrip("=")
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a sealing key is not base64url") from error
    if len(decoded) != _KEY_BYTES:
        raise ValueError("a sealing key does not have 32 bytes")
    return decoded


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id" + key).digest()[:_ID_BYTES]
