"""Small sets of records, each set with an owner, whose writers never lose each other's."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from authproxy_common.records.collection import Collection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Slots(Generic[T]):
    """At most `size` records for each owner, every one at a key of its own.

    A list in a single record would have to be read and written back, and of two writers one would win.
    """

    collection: Collection[T]
    size: int

    async def add(self, owner: str, record: T) -> None:
        """Keep `record`, in place of any other one where all places are taken."""
        for place in range(self.size):
            if await self.collection.claim(_key(owner, place), record) is None:
                return
        await self.collection.put(_key(owner, secrets.randbelow(self.size)), record)

    async def all(self, owner: str) -> list[T]:
        """The records of `owner`."""
        found = [await self.collection.get(_key(owner, place)) for place in range(self.size)]
        return [record for record in found if record is not None]

    async def discard(self, owner: str, is_meant: Callable[[T], bool]) -> list[T]:
        """Remove the records of `owner` that are meant, and return them."""
        discarded = []
        for place in range(self.size):
            record = await self.collection.get(_key(owner, place))
            if record is not None and is_meant(record):
                await self.collection.take(_key(owner, place))
                discarded.append(record)
        return discarded


def _key(owner: str, place: int) -> str:
    return f"{owner}.{place}"
