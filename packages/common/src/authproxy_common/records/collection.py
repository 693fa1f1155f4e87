"""Typed records over the store: named, versioned, keyed by digest, sealed where a record holds secrets."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Generic, TypeVar

import msgspec

from authproxy_common.frozen import frozen
from authproxy_common.records.sealing import SealingKeys, Unsealable
from authproxy_common.records.store import Store
from authproxy_common.secret import Secret, digest

T = TypeVar("T")


@frozen
class Collection(Generic[T]):
    """Records of one kind. Keys are bearer values or ids; only their digests are stored.

    Args:
        store: Where they are kept.
        name: Prefix of their keys, `service:kind`.
        record: Their type, a frozen dataclass; one with `Secret` fields needs `keys`.
        ttl: How long each lives, unless its writer says otherwise.
        keys: Seals the values.
        version: Of the record's shape. A value of another version counts as absent.
    """

    store: Store
    name: str
    record: type[T]
    ttl: timedelta
    keys: SealingKeys | None = None
    version: int = 1

    async def put(self, key: str, record: T, ttl: timedelta | None = None) -> None:
        """Write the record. See `Store.put`."""
        await self.store.put(self._key(key), self._encode(key, record), self.ttl if ttl is None else ttl)

    async def get(self, key: str) -> T | None:
        """The record, or None. See `Store.get`."""
        return self._decode(key, await self.store.get(self._key(key)))

    async def get_all(self, keys: Sequence[str]) -> list[T | None]:
        """The records, in this order, each or None. See `Store.get_all`."""
        values = await self.store.get_all([self._key(key) for key in keys])
        return [self._decode(key, value) for key, value in zip(keys, values, strict=True)]

    async def take(self, key: str) -> T | None:
        """The record, to one caller only. See `Store.take`."""
        return self._decode(key, await self.store.take(self._key(key)))

    async def claim(self, key: str, record: T, ttl: timedelta | None = None) -> T | None:
        """None for the first caller, the first caller's record for every other. See `Store.claim`.

        An unreadable record that stands still means that somebody was first, and is returned as this caller's own.
        """
        encoded = self._encode(key, record)
        standing = await self.store.claim(self._key(key), encoded, self.ttl if ttl is None else ttl)
        return None if standing is None else self._decode(key, standing) or record

    def _key(self, key: str) -> str:
        return f"{self.name}:{digest(key)}"

    def _purpose(self, key: str) -> str:
        return f"{self._key(key)}:{self.version}"

    def _encode(self, key: str, record: T) -> bytes:
        payload = msgspec.json.encode(record, enc_hook=_reveal if self.keys else None)
        # `claim` needs values that are unique to the call; the tag makes them so.
        tag = secrets.token_hex(4).encode()
        sealed = self.keys.seal(payload, self._purpose(key)) if self.keys else payload
        return b"%d:%s:" % (self.version, tag) + sealed

    def _decode(self, key: str, value: bytes | None) -> T | None:
        version, _, tagged = (value or b"").partition(b":")
        if version != b"%d" % self.version:
            return None
        payload = tagged.partition(b":")[2]
        try:
            opened = self.keys.open(payload, self._purpose(key)) if self.keys else payload
            return msgspec.json.decode(opened, type=self.record, dec_hook=_conceal)
        except (Unsealable, msgspec.ValidationError, msgspec.DecodeError):
            return None


def _reveal(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"a record cannot hold {type(value).__name__}")


def _conceal(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    raise NotImplementedError(f"a record cannot hold {kind.__name__}")
