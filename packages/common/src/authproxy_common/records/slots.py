"""Small sets of records, each set with an owner, whose writers never lose each other's."""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

from authproxy_common.frozen import frozen
from authproxy_common.records.collection import Collection

T = TypeVar("T")


@frozen
class Slots(Generic[T]):
    """At most `size` records for each owner, every one at a key of its own.

    A list in a single record would have to be read and written back, and of two writers one would win.

    Args:
        collection: Keeps them.
        size: How many places an owner has.
        age: When a record was made; the oldest makes room.
    """

    collection: Collection[T]
    size: int
    age: Callable[[T], datetime]

    async def add(self, owner: str, record: T) -> list[T]:
        """Keep `record`; the records that had to make room for it."""
        evicted: list[T] = []
        while True:
            for place in range(self.size):
                if await self.collection.claim(_key(owner, place), record) is None:
                    return evicted
            evicted += await self._evict(owner)

    async def all(self, owner: str) -> list[T]:
        """The records of `owner`."""
        return [record for _, record in await self._places(owner)]

    async def replace(self, owner: str, is_meant: Callable[[T], bool], record: T) -> None:
        """Keep `record` in place of the one of `owner` that is meant, where there is one."""
        for place, kept in await self._places(owner):
            if is_meant(kept):
                await self.collection.put(_key(owner, place), record)

    async def discard(self, owner: str, is_meant: Callable[[T], bool]) -> list[T]:
        """Remove the records of `owner` that are meant, and return them."""
        meant = [(place, record) for place, record in await self._places(owner) if is_meant(record)]
        for place, _ in meant:
            await self.collection.take(_key(owner, place))
        return [record for _, record in meant]

    async def _evict(self, owner: str) -> list[T]:
        places = await self._places(owner)
        if not places:
            return []
        oldest, _ = min(places, key=lambda each: self.age(each[1]))
        taken = await self.collection.take(_key(owner, oldest))
        return [] if taken is None else [taken]

    async def _places(self, owner: str) -> list[tuple[int, T]]:
        records = await self.collection.get_all([_key(owner, place) for place in range(self.size)])
        return [(place, record) for place, record in enumerate(records) if record is not None]


def _key(owner: str, place: int) -> str:
    return f"{owner}.{place}"
