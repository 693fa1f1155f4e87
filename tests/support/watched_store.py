"""A store before whose writes a test can do something."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from authproxy_common.records.store import Store


@dataclass
class WatchedStore:
    """`Store` around another one.

    Args:
        inner: Keeps the values.
        before_put: Is told the key of each `put`, and done before it.
    """

    inner: Store
    before_put: Callable[[str], Awaitable[None]] | None = None

    async def put(self, key: str, value: bytes, ttl: timedelta) -> None:
        if self.before_put:
            await self.before_put(key)
        await self.inner.put(key, value, ttl)

    async def get(self, key: str) -> bytes | None:
        return await self.inner.get(key)

    async def take(self, key: str) -> bytes | None:
        return await self.inner.take(key)

    async def claim(self, key: str, value: bytes, ttl: timedelta) -> bytes | None:
        return await self.inner.claim(key, value, ttl)

    async def ping(self) -> None:
        await self.inner.ping()

    async def aclose(self) -> None:
        await self.inner.aclose()
