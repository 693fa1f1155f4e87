"""Small sets of records with an owner."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from authproxy_common.records import Collection, open_store
from authproxy_common.records.slots import Slots
from authproxy_common.secret import Secret

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-01")]


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    at: int = 0


@pytest.fixture
def slots() -> Slots[Note]:
    return Slots(
        Collection(open_store(Secret("memory://")), "test:note", Note, timedelta(minutes=1)),
        4,
        lambda note: NOON + timedelta(hours=note.at),
    )


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


async def test_where_all_places_are_taken_the_oldest_makes_room_and_is_named(slots: Slots[Note]) -> None:
    for text, at in zip("abcd", (3, 1, 4, 2), strict=True):
        assert await slots.add("alice", Note(text, at)) == []
    assert await slots.add("alice", Note("e", 5)) == [Note("b", 1)]
    assert await texts(slots) == set("acde")


async def test_of_many_writers_at_a_full_set_each_record_is_kept_or_named(slots: Slots[Note]) -> None:
    named = await asyncio.gather(*(slots.add("alice", Note(text, at)) for at, text in enumerate("abcdefghij")))
    gone = [note.text for notes in named for note in notes]
    assert len(gone) == len(set(gone)) == 6
    assert {*gone, *await texts(slots)} == set("abcdefghij")


async def test_what_is_replaced_keeps_its_place(slots: Slots[Note]) -> None:
    for text in "ab":
        await slots.add("alice", Note(text))
    await slots.replace("alice", lambda note: note.text == "a", Note("A"))
    await slots.replace("alice", lambda note: note.text == "unknown", Note("?"))
    assert await texts(slots) == {"A", "b"}
