"""The store on Redis: `redis://`, `rediss://`, and `memory://`, which is the same code on an embedded server."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import fakeredis
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.secret import Secret

T = TypeVar("T")

# One bound over a command with its retries: retries alone can add up to many times the socket's timeout.
DEADLINE = timedelta(seconds=4)
PING_DEADLINE = timedelta(seconds=1)

_RETRIED = [RedisConnectionError, RedisTimeoutError, ReadOnlyError]
_CONNECTION: dict[str, Any] = {
    "socket_timeout": 2,
    "socket_connect_timeout": 1,
    "health_check_interval": 15,
    "max_connections": 256,
    # With them on, which is the default, the pool hands out connections that the server has closed.
    "maint_notifications_config": MaintNotificationsConfig(enabled=False),
}


@dataclass(frozen=True, slots=True)
class RedisStore:
    """`Store` on two clients of one server.

    Args:
        patient: Sends a command again when the connection broke; for commands that may run twice.
        once: Sends a command one time only; for commands that consume.
    """

    patient: "redis.Redis"
    once: "redis.Redis"
    deadline: timedelta = DEADLINE

    async def put(self, key: str, value: bytes, ttl: timedelta) -> None:
        await self._bounded(self.patient.set(key, value, px=ttl))

    async def get(self, key: str) -> bytes | None:
        return _bytes(await self._bounded(self.patient.get(key)))

    async def take(self, key: str) -> bytes | None:
        return _bytes(await self._bounded(self.once.getdel(key)))

    async def claim(self, key: str, value: bytes, ttl: timedelta) -> bytes | None:
        standing = _bytes(await self._bounded(self.patient.set(key, value, nx=True, get=True, px=ttl)))
        return None if standing == value else standing

    async def ping(self) -> None:
        await self._bounded(self.once.ping(), PING_DEADLINE)

    async def aclose(self) -> None:
        await self.patient.aclose()
        await self.once.aclose()

    async def _bounded(self, command: Awaitable[T], deadline: timedelta | None = None) -> T:
        try:
            async with asyncio.timeout((deadline or self.deadline).total_seconds()):
                return await command
        except (RedisError, OSError, TimeoutError) as error:
            raise TemporarilyUnavailable("the session store did not answer", dependency="redis") from error


def _bytes(answer: object) -> bytes | None:
    """What a client without `decode_responses` answers; its annotations allow more."""
    return answer if isinstance(answer, bytes) else None


def open_store(url: Secret) -> RedisStore:
    """The store at `url`, which has one of the schemes of `config.checks.STORE_SCHEMES`; connects when first used."""
    patient = Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), 8)
    if url.reveal().startswith("memory://"):
        server = fakeredis.FakeServer()
        embedded = fakeredis.FakeAsyncRedis(server=server, version=(7, 2))
        return RedisStore(patient=embedded, once=embedded)
    return RedisStore(
        patient=_client(url, retry=patient, retry_on_error=_RETRIED),
        once=_client(url, retry=Retry(NoBackoff(), 0)),
    )


def redis_pool(url: Secret, **retrying: Any) -> redis.BlockingConnectionPool:
    """A pool whose callers wait for a connection: one that is used up would look like a server that is down."""
    return redis.BlockingConnectionPool.from_url(url.reveal(), timeout=2, **_CONNECTION, **retrying)


def _client(url: Secret, **retrying: Any) -> "redis.Redis":
    return redis.Redis.from_pool(redis_pool(url, **retrying))
