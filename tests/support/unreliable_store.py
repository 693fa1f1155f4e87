"""A store that can be made to hang, or to hold one answer back until a test has done something else."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.records.store import Store


class UnreliableStore:
    """`Store` in front of another one."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._hangs = False
        self._refuses: str | None = None
        self._lost: str | None = None
        self._prefix: str | None = None
        self._asked, self._go_on = asyncio.Event(), asyncio.Event()

    def hang(self) -> None:
        """From now on nothing is answered."""
        self._hangs = True

    def fail_writes_below(self, prefix: str) -> None:
        """From now on no value below `prefix` can be written or taken."""
        self._refuses = prefix

    def lose(self, prefix: str) -> None:
        """From now on no value below `prefix` can be read or written."""
        self._refuses = self._lost = prefix

    def recover(self) -> None:
        """Everything works again."""
        self._hangs, self._refuses, self._lost = False, None, None

    @contextmanager
    def delayed(self, prefix: str) -> Iterator[asyncio.Event]:
        """The next `get` below `prefix` is done at once and answered when the context ends; the event tells of it."""
        self._prefix = prefix
        self._asked, self._go_on = asyncio.Event(), asyncio.Event()
        yield self._asked
        self._go_on.set()

    async def put(self, key: str, value: bytes, ttl: timedelta) -> None:
        await self._pass(key)
        await self.store.put(key, value, ttl)

    async def get(self, key: str) -> bytes | None:
        await self._pass()
        if self._lost and key.startswith(self._lost):
            raise TemporarilyUnavailable("the session store did not answer", dependency="redis")
        value = await self.store.get(key)
        if self._prefix and key.startswith(self._prefix):
            self._prefix = None
            self._asked.set()
            await self._go_on.wait()
        return value

    async def get_all(self, keys: Sequence[str]) -> list[bytes | None]:
        return [await self.get(key) for key in keys]

    async def take(self, key: str) -> bytes | None:
        await self._pass(key)
        return await self.store.take(key)

    async def claim(self, key: str, value: bytes, ttl: timedelta) -> bytes | None:
        await self._pass(key)
        return await self.store.claim(key, value, ttl)

    async def ping(self) -> None:
        await self._pass()

    async def aclose(self) -> None:
        await self.store.aclose()

    async def _pass(self, written: str | None = None) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        if written and self._refuses and written.startswith(self._refuses):
            raise TemporarilyUnavailable("the session store did not answer", dependency="redis")
