"""Rate limits, counted in the store's servers so that replicas share them; with `memory://`, in this process."""

import time
from collections.abc import Callable
from dataclasses import field
from datetime import timedelta
from typing import NamedTuple, Protocol

from authproxy_common.errors import TooManyRequests
from authproxy_common.frozen import frozen
from authproxy_common.records.commands import Commands
from authproxy_common.records.connections import open_connections
from authproxy_common.records.rates import Rate, parse_rate
from authproxy_common.records.store_url import Topology, parse_store_url
from authproxy_common.secret import Secret, digest

UNLIMITED = "unlimited"

# A count without an end would shut somebody out for good, so the two belong together; no single command does both.
_COUNT = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {count, left}
"""


class Counts(Protocol):
    """Where requests are counted, in windows of time."""

    async def count(self, key: str, window: timedelta) -> tuple[int, timedelta]:
        """How often in its window, this time included, and how long that lasts; raises TemporarilyUnavailable."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@frozen
class RateLimit:
    """One limit, such as registrations of an address.

    Args:
        counts: Where it counts.
        name: Of the limit: prefix of its keys.
        rate: See there.
    """

    counts: Counts
    name: str
    rate: Rate

    async def spend(self, who: str) -> None:
        """Count one request of `who`, of whom only the digest is kept.

        Raises:
            TooManyRequests: It is one too many; says when the next one may come.
            TemporarilyUnavailable: The store did not answer.
        """
        key = f"LIMITER/{self.name}/{digest(who)}/{self.rate}"
        count, left = await self.counts.count(key, self.rate.window)
        if count > self.rate.amount:
            raise TooManyRequests(retry_after=max(left, timedelta(seconds=1)))


@frozen
class RateCounters:
    """Where limits count.

    Args:
        counts: See there.
    """

    counts: Counts

    def limit(self, name: str, rate: str) -> RateLimit | None:
        """The limit called `name`, or None where `rate` is `unlimited`."""
        return None if rate == UNLIMITED else RateLimit(self.counts, name, parse_rate(rate))

    async def aclose(self) -> None:
        """Close the connections."""
        await self.counts.aclose()


@frozen
class SharedCounts:
    """`Counts` in Redis.

    Args:
        commands: To its servers.
        prefix: Of the keys.
    """

    commands: Commands
    prefix: str

    async def count(self, key: str, window: timedelta) -> tuple[int, timedelta]:
        kept, milliseconds = f"{self.prefix}:{key}", window // timedelta(milliseconds=1)
        # A request that is counted twice, because a reply was lost, is no harm.
        count, left = await self.commands.repeatable(lambda client: client.eval(_COUNT, 1, kept, milliseconds), kept)
        return int(count), timedelta(milliseconds=int(left))

    async def aclose(self) -> None:
        await self.commands.connections.aclose()


class _Window(NamedTuple):
    counted: int
    ends: float


@frozen
class OwnCounts:
    """`Counts` of this process.

    Args:
        now: Seconds, by a clock that is never set.
    """

    now: Callable[[], float] = time.monotonic
    _windows: dict[str, _Window] = field(default_factory=dict)

    async def count(self, key: str, window: timedelta) -> tuple[int, timedelta]:
        now = self.now()
        if key not in self._windows or self._windows[key].ends <= now:
            self._forget_ended(now)
            self._windows[key] = _Window(0, now + window.total_seconds())
        counted, ends = self._windows[key]
        self._windows[key] = _Window(counted + 1, ends)
        return counted + 1, timedelta(seconds=ends - now)

    async def aclose(self) -> None:
        """There is nothing to close."""

    def _forget_ended(self, now: float) -> None:
        for key in [key for key, window in self._windows.items() if window.ends <= now]:
            del self._windows[key]


def open_rate_counters(url: Secret, service: str) -> RateCounters:
    """On the servers of the store at `url`, below the service's own prefix; connects when first used."""
    parsed = parse_store_url(url)
    if parsed.topology is Topology.EMBEDDED:
        return RateCounters(OwnCounts())
    return RateCounters(SharedCounts(Commands(open_connections(parsed)), f"{service}:limit"))


def rate_problem(rate: str) -> str | None:
    """What is wrong with a rate that an operator wrote down, or None."""
    if rate == UNLIMITED:
        return None
    try:
        parse_rate(rate)
    except ValueError:
        return f"must be a rate such as 60/minute, 1000/hour or 5/10 seconds, or {UNLIMITED}"
    return None
