"""One running stack for the journeys that leave it as they found it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.person import People, Person
from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack() as started:
        yield started


@pytest.fixture
async def people() -> AsyncIterator[People]:
    """Makes people, and closes their browsers in the end."""
    made: list[Person] = []

    def make(name: str = "alice", *, denies: bool = False) -> Person:
        made.append(Person(name, denies))
        return made[-1]

    yield make
    for person in made:
        await person.aclose()
