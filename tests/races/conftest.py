"""Two gateway processes for the races that leave them as they found them."""

from collections.abc import AsyncIterator

import pytest

from tests.support.replicas import Replicas, running_replicas
from tests.support.servers import RedisServer


@pytest.fixture(scope="module")
async def replicas(redis_server: RedisServer) -> AsyncIterator[Replicas]:
    async with running_replicas(redis_server.url) as running:
        yield running
