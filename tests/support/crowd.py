"""Two hundred callers at once, at two gateway processes."""

import asyncio
from typing import Any

import anyio
import httpx
from redis.asyncio import Redis

from tests.support.replicas import Door, Replicas
from tests.support.servers import RedisServer

CALLERS = 200
# In seconds, less than the gateways wait for Redis: on a machine that is too slow the race is smaller, and no failure.
HELD_FOR = 1.5


async def ask_both(
    replicas: Replicas, redis_server: RedisServer, form: dict[str, str], **options: Any
) -> list[httpx.Response]:
    """The answers to as many token requests, every other one at the other gateway.

    Redis holds writes back until every request waits for its first one, its claim; then all go on at once.
    """
    one, other = (replicas.client(Door(gateway)) for gateway in replicas.gateways)
    async with Redis.from_url(redis_server.url) as redis, one, other:
        await redis.client_pause(int(HELD_FOR * 1000), all=False)
        url = f"{replicas.public_url}/oauth/token"
        answers = asyncio.gather(*((one, other)[i % 2].post(url, data=form, **options) for i in range(CALLERS)))
        with anyio.move_on_after(HELD_FOR):
            while (await redis.info("clients"))["blocked_clients"] < CALLERS:
                pass
        await redis.client_unpause()
        return await answers
