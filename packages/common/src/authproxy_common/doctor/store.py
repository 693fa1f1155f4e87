"""Whether the store can do what the service needs of it: answer, keep and hand out values, count for rate limits."""

import re
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import TypeVar

from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

from authproxy_common.doctor.causes import cause_of, causes
from authproxy_common.doctor.examination import Check
from authproxy_common.doctor.findings import Failed, Skipped
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.frozen import frozen
from authproxy_common.records import RedisStore, open_store
from authproxy_common.records.rate_limits import RateCounters, open_rate_counters
from authproxy_common.secret import Secret, digest, mint

T = TypeVar("T")

_KEPT_FOR = timedelta(minutes=1)
_REACHED = "redis"


@frozen
class StoreExamination:
    """The store at one URL.

    Args:
        service: Whose; prefix of the keys that are written.
        store, counters: What the service uses.
        is_embedded: Whether it lives in the process that opened it.
    """

    service: str
    store: RedisStore
    counters: RateCounters
    is_embedded: bool

    @classmethod
    def of(cls, service: str, url: Secret) -> "StoreExamination":
        """The store at `url`; connects when first used."""
        return cls(
            service, open_store(url), open_rate_counters(url, service), is_embedded=url.reveal().startswith("memory://")
        )

    def checks(self) -> list[Check]:
        """What is examined."""
        if self.is_embedded:
            return [Check(_REACHED, self.is_nowhere)]
        return [
            Check(_REACHED, self.answers),
            Check("redis records", self.keeps_records, needs=_REACHED),
            Check("redis rate limits", self.counts, needs=_REACHED),
        ]

    async def is_nowhere(self) -> str:
        """There is nothing to ask."""
        raise Skipped(
            "memory:// lives in the process that serves, where nobody else can look",
            "name a Redis in redis_url for more than one replica, and to survive restarts",
        )

    async def answers(self) -> str:
        """It is there, and lets us in."""
        await _translated(self.store.ping())
        return "answers"

    async def keeps_records(self) -> str:
        """Every verb of the store works, with a lifetime."""
        key, value = f"{self.service}:doctor:{digest(mint())}", mint().encode()
        await _translated(self.store.put(key, value, _KEPT_FOR))
        standing = await _translated(self.store.claim(key, b"second", _KEPT_FOR))
        read = await _translated(self.store.get(key))
        # Twice the same: a node of a cluster then says that it is one, and not that the keys are at different places.
        read_twice = await _translated(self.store.get_all([key, key]))
        taken = await _translated(self.store.take(key))
        if not standing == read == taken == value or read_twice != [value, value]:
            raise Failed(
                "does not hand out what was written a moment ago",
                "redis_url must name the primary of a Redis that evicts nothing (maxmemory-policy noeviction)",
            )
        return "writes with a lifetime, and hands out once"

    async def counts(self) -> str:
        """The script that counts can be run."""
        limit = self.counters.limit(f"{self.service}:doctor", "1000000/minute")
        if limit:
            await _translated(limit.spend("doctor"))
        return "counts"

    async def aclose(self) -> None:
        """Close the connections."""
        await self.counters.aclose()
        await self.store.aclose()


async def _translated(command: Awaitable[T]) -> T:
    """Raises Failed with what the store said, but never in its own words: they can repeat a password."""
    try:
        return await command
    except TemporarilyUnavailable as error:
        raise _failure(error.__cause__ or error) from error


def _failure(error: BaseException) -> Failed:
    chain = list(causes(error))
    for kind, (reason, remedy) in _FAILURES.items():
        for each in chain:
            if isinstance(each, kind):
                return Failed(reason.format(_named_in(each)), remedy)
    return Failed(f"cannot be reached: {cause_of(error)}", "redis_url must name a Redis that listens to this machine")


# What is more special comes first: some are subclasses of others.
_FAILURES: Mapping[type[BaseException], tuple[str, str]] = {
    AuthenticationError: ("refuses our user or password", "redis_url needs those that it knows"),
    NoPermissionError: (
        "our user may not run {}",
        "allow +@read +@write +@connection +eval -@dangerous on this service's keys, and in a cluster +cluster|slots",
    ),
    MasterNotFoundError: (
        "is led by no primary that the Sentinels would know by this name",
        "the path of redis_url must be what the Sentinels call it, and one of them must be reached from here",
    ),
    ClusterDownError: ("is a cluster that is down", "every slot needs a primary that answers; see CLUSTER INFO"),
    MovedError: ("is a node of a cluster", "redis_url must begin with redis+cluster:// or rediss+cluster://"),
    BusyLoadingError: ("is reading what it had written down", "wait until it has started"),
    ReadOnlyError: ("is a replica, which takes no writes", "redis_url must name the primary"),
    OutOfMemoryError: ("has no memory left", "raise maxmemory, or find what fills it"),
    ResponseError: ("does not know {}", "Redis 7.0 or newer is needed, of the kind that redis_url says"),
}


def _named_in(error: BaseException) -> str:
    found = re.search(r"(?:run the|unknown command) ['`]([A-Za-z|]{1,20})['`]", str(error))
    return f"the command {found[1].upper()}" if found else "what we need"
