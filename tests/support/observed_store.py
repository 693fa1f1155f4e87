"""A store that a test can look into, switch off, and age with its own clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from authproxy_common.clock import Clock
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.records.store import Store


@dataclass(frozen=True)
class Written:
    """One value as it was written."""

    key: str
    value: bytes
    ttl: timedelta


@dataclass
class ObservedStore:
    """`Store` around another one.

    Args:
        inner: Keeps the values.
        now: By this clock they expire.
        is_down: Whether every call fails, as when Redis does not answer.
        written: All that was ever written, in order.
    """

    inner: Store
    now: Clock
    is_down: bool = False
    written: list[Written] = field(default_factory=list)
    _expiry: dict[str, datetime] = field(default_factory=dict)

    async def put(self, key: str, value: bytes, ttl: timedelta) -> None:
        self._check_up()
        self._note(key, value, ttl)
        await self.inner.put(key, value, ttl)

    async def get(self, key: str) -> bytes | None:
        await self._expire(key)
        return await self.inner.get(key)

    async def get_all(self, keys: Sequence[str]) -> list[bytes | None]:
        for key in keys:
            await self._expire(key)
        return await self.inner.get_all(keys)

    async def take(self, key: str) -> bytes | None:
        await self._expire(key)
        return await self.inner.take(key)

    async def claim(self, key: str, value: bytes, ttl: timedelta) -> bytes | None:
        await self._expire(key)
        standing = await self.inner.claim(key, value, ttl)
        if standing is None:
            self._note(key, value, ttl)
        return standing

    async def ping(self) -> None:
        self._check_up()
        await self.inner.ping()

    async def aclose(self) -> None:
        await self.inner.aclose()

    def kept(self, kind: str) -> list[Written]:
        """What was written below the collection `kind`."""
        return [each for each in self.written if each.key.startswith(f"{kind}:")]

    def _check_up(self) -> None:
        if self.is_down:
            raise TemporarilyUnavailable("the session store did not answer", dependency="redis")

    def _note(self, key: str, value: bytes, ttl: timedelta) -> None:
        self.written.append(Written(key, value, ttl))
        self._expiry[key] = self.now() + ttl

    async def _expire(self, key: str) -> None:
        self._check_up()
        if key in self._expiry and self.now() >= self._expiry[key]:
            await self.inner.take(key)
