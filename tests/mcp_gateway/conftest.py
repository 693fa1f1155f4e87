"""A gateway and its surroundings for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.gateway import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.store.aclose()
