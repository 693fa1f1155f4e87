"""An auth server and its surroundings for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.auth_server import AuthServerWorld


@pytest.fixture
async def auth() -> AsyncIterator[AuthServerWorld]:
    made = AuthServerWorld()
    yield made
    await made.store.aclose()
