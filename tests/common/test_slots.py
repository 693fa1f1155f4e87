"""Small sets of records with an owner."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from authproxy_common.records import Collection, open_store
from authproxy_common.records.slots import Slots
from authproxy_common.secret import Secret

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-01")]


@dataclass(frozen=True, slots=True)
class Note:
    text: str


@pytest.fixture
def slots() -> Slots[Note]:
    return Slots(Collection(open_store(Secret("memory://")), "test:note", Note, timedelta(minutes=1)), 4)


async def texts(slots: Slots[Note], owner: str = "alice") -> set[str]:
    return {note.text for note in await slots.all(owner)}


async def test_what_is_added_is_there_for_its_owner_alone(slots: Slots[Note]) -> None:
    await slots.add("alice", Note("a"))
    await slots.add("alice", Note("b"))
    assert (await texts(slots), await texts(slots, "bob")) == ({"a", "b"}, set())


async def test_of_several_writers_at_once_none_loses_what_it_wrote(slots: Slots[Note]) -> None:
    await asyncio.gather(*(slots.add("alice", Note(text)) for text in "abcd"))
    assert await texts(slots) == set("abcd")


async def test_what_is_discarded_is_gone_and_its_place_is_free(slots: Slots[Note]) -> None:
    for text in "abcd":
        await slots.add("alice", Note(text))
    assert await slots.discard("alice", lambda note: note.text in "bc") == [Note("b"), Note("c")]
    assert await texts(slots) == {"a", "d"}
    await slots.add("alice", Note("e"))
    assert await texts(slots) == {"a", "d", "e"}


async def test_where_all_places_are_taken_the_new_one_takes_the_place_of_another(slots: Slots[Note]) -> None:
    for text in "abcde":
        await slots.add("alice", Note(text))
    kept = await texts(slots)
    assert len(kept) == 4
    assert "e" in kept
