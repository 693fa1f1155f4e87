"""A store that says what was asked of it, and before whose writes a test can do something."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from authproxy_common.records.store import Store


@dataclass
class WatchedStore:
    """`Store` around another one.

    Args:
        inner: Keeps the values.
        before_put: Is told the key of each `put`, and done before it.
        commands: What was asked of it, in order, by name and key.
    """

    inner: Store
    before_put: Callable[[str], Awaitable[None]] | None = None
    commands: list[str] = field(default_factory=list)

    async def put(self, key: str, value: bytes, ttl: timedelta) -> None:
        self.commands.append(f"put {key}")
        if self.before_put:
            await self.before_put(key)
        await self.inner.put(key, value, ttl)

    async def get(self, key: str) -> bytes | None:
        self.commands.append(f"get {key}")
        return await self.inner.get(key)

    async def get_all(self, keys: Sequence[str]) -> list[bytes | None]:
        self.commands += [f"get {key}" for key in keys]
        return await self.inner.get_all(keys)

    async def take(self, key: str) -> bytes | None:
        self.commands.append(f"take {key}")
        return await self.inner.take(key)

    async def claim(self, key: str, value: bytes, ttl: timedelta) -> bytes | None:
        self.commands.append(f"claim {key}")
        return await self.inner.claim(key, value, ttl)

    async def ping(self) -> None:
        await self.inner.ping()

    async def aclose(self) -> None:
        await self.inner.aclose()
