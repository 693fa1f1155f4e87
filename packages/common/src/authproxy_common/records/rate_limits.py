"""Rate limits, counted in the store's server so that replicas share them; with `memory://`, in this process."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from authproxy_common.errors import TemporarilyUnavailable, TooManyRequests
from authproxy_common.records.redis_store import PING_DEADLINE, redis_pool
from authproxy_common.secret import Secret, digest

UNLIMITED = "unlimited"

Storage: TypeAlias = MemoryStorage | RedisStorage


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limit, such as registrations of an address.

    Args:
        storage: Counts.
        name: Of the limit: prefix of its keys.
        rate: As `limits` spells it, `60/minute`.
    """

    storage: Storage
    name: str
    rate: RateLimitItem

    async def spend(self, who: str) -> None:
        """Count one request of `who`, of whom only the digest is kept.

        Raises:
            TooManyRequests: It is one too many; says when the next one may come.
            TemporarilyUnavailable: The store did not answer.
        """
        limiter, key = FixedWindowRateLimiter(self.storage), (self.name, digest(who))
        try:
            async with asyncio.timeout(PING_DEADLINE.total_seconds()):
                if await limiter.hit(self.rate, *key):
                    return
                window = await limiter.get_window_stats(self.rate, *key)
        except (RedisError, OSError, TimeoutError) as error:
            raise TemporarilyUnavailable("the session store did not answer", dependency="redis") from error
        raise TooManyRequests(retry_after=timedelta(seconds=max(1, window.reset_time - time.time())))


@dataclass(frozen=True, slots=True)
class RateCounters:
    """Where limits count.

    Args:
        storage: Counts.
        pool: Its connections, where it has any.
    """

    storage: Storage
    pool: BlockingConnectionPool | None = None

    def limit(self, name: str, rate: str) -> RateLimit | None:
        """The limit called `name`, or None where `rate` is `unlimited`."""
        return None if rate == UNLIMITED else RateLimit(self.storage, name, parse(rate))

    async def aclose(self) -> None:
        """Close the connections."""
        if self.pool is not None:
            await self.pool.aclose()


def open_rate_counters(url: Secret, service: str) -> RateCounters:
    """On the server of the store at `url`, below the service's own prefix; connects when first used."""
    if url.reveal().startswith("memory://"):
        return RateCounters(MemoryStorage())
    pool = redis_pool(url)
    # Its annotations know of no pool, its documentation does.
    options: Any = {"connection_pool": pool}
    return RateCounters(
        RedisStorage("async+" + url.reveal(), implementation="redispy", key_prefix=f"{service}:limit", **options), pool
    )


def rate_problem(rate: str) -> str | None:
    """What is wrong with a rate that an operator wrote down, or None."""
    if rate == UNLIMITED:
        return None
    try:
        parse(rate)
    except ValueError:
        return f"must be a rate such as 60/minute, 1000/hour or 5/10 seconds, or {UNLIMITED}"
    return None
