"""Another server takes over: meanwhile every call ends in time with an answer or a 503, and afterwards all is there."""

import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.records import RedisStore, open_store
from authproxy_common.records.commands import DEADLINE
from authproxy_common.records.rate_limits import open_rate_counters
from tests.support.redis_topologies import Cluster, RedisNode, Sentinels, cluster, sentinels
from tests.support.servers import wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-05", "OP-04")]

TTL = timedelta(minutes=5)
# Every key is in one slot of a cluster, so that all of them are where the failure is.
PREFIX = "test:{here}"
KEPT, ONE_TIME = 20, 100
# Between two calls of a caller, so that the servers have a processor too.
PACE = 0.02
# For a machine that is busy with other tests.
LATE = 2.0
BOUND = 60
# A primary that was replaced goes on as one for eight seconds.
FOLLOWED_WITHIN = 6


@pytest.fixture(params=[sentinels, cluster], ids=["sentinels", "cluster"])
def setup(request: pytest.FixtureRequest, redis_server_binary: str, tmp_path: Path) -> Iterator[Sentinels | Cluster]:
    with request.param(redis_server_binary, tmp_path, keys="~test:*") as started:
        yield started


@pytest.fixture
async def store(setup: Sentinels | Cluster) -> AsyncIterator[RedisStore]:
    opened = open_store(setup.url)
    yield opened
    await opened.aclose()


@dataclass
class Users:
    """Callers who put, get, claim, and take what can be taken once, one call after the other.

    Args:
        store: They share it, as the requests to one service do.
        answered: How many calls were.
        refused: How many were TemporarilyUnavailable.
        taken: What was handed out, in order.
    """

    store: RedisStore
    answered: int = 0
    refused: int = 0
    taken: list[bytes] = field(default_factory=list)
    _stop: bool = False
    _enough: int = 0
    _reached: anyio.Event = field(default_factory=anyio.Event)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """From now until the context ends."""
        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(self._write_and_read, number)
            # Each value is asked for by two.
            group.start_soon(self._take)
            group.start_soon(self._take)
            yield
            self._stop = True

    async def wait_until_answered(self, more: int = 20) -> None:
        """Return once so many more calls were answered."""
        self._enough, self._reached = self.answered + more, anyio.Event()
        await self._reached.wait()

    async def _write_and_read(self, number: int) -> None:
        turn = 0
        while not self._stop:
            turn += 1
            key, value = f"{PREFIX}:{number}:{turn}", b"%d" % turn
            await self._ends_in_time(self.store.put(key, value, TTL))
            await self._ends_in_time(self.store.get(key))
            await self._ends_in_time(self.store.claim(f"{key}:claim", value, TTL))

    async def _take(self) -> None:
        for number in range(ONE_TIME):
            if value := await self._ends_in_time(self.store.take(one_time(number))):
                self.taken.append(value)

    async def _ends_in_time(self, call: Awaitable[bytes | None]) -> bytes | None:
        """The answer. Anything but an answer or TemporarilyUnavailable, and anything late, ends the test."""
        begun, answer = time.monotonic(), None
        try:
            answer = await call
            self.answered += 1
        except TemporarilyUnavailable:
            self.refused += 1
        assert time.monotonic() - begun < DEADLINE.total_seconds() + LATE
        if self.answered >= self._enough:
            self._reached.set()
        await anyio.sleep(PACE)
        return answer


def kept(number: int) -> str:
    return f"{PREFIX}:kept:{number}"


def one_time(number: int) -> str:
    return f"{PREFIX}:once:{number}"


def primary_of(setup: Sentinels | Cluster, *, but: RedisNode | None = None) -> RedisNode:
    """Who keeps the keys now; `but` is not asked."""
    if isinstance(setup, Sentinels):
        return setup.primary()
    return setup.primary_of(PREFIX, by=next(node for node in setup.nodes if node is not but))


async def until_replaced(setup: Sentinels | Cluster, former: RedisNode) -> None:
    await anyio.to_thread.run_sync(wait_until, lambda: primary_of(setup, but=former) is not former)


async def prepare(store: RedisStore, setup: Sentinels | Cluster) -> None:
    """Write what must not be lost, and have it everywhere."""
    for number in range(KEPT):
        await store.put(kept(number), b"%d" % number, TTL)
    for number in range(ONE_TIME):
        await store.put(one_time(number), b"%d" % number, TTL)
    # To all: which of them takes over is not for a test to say.
    replicas = len(setup.nodes) - 1 if isinstance(setup, Sentinels) else 1
    await anyio.to_thread.run_sync(primary_of(setup).wait_until_replicated, replicas)


async def check_nothing_is_missing(store: RedisStore, users: Users) -> None:
    assert [await store.get(kept(number)) for number in range(KEPT)] == [b"%d" % number for number in range(KEPT)]
    left = [value for number in range(ONE_TIME) if (value := await store.take(one_time(number)))]
    handed_out = users.taken + left
    assert len(handed_out) == len(set(handed_out))
    # A value may be lost with a reply, and with nothing else.
    assert len(handed_out) >= ONE_TIME - users.refused


async def test_a_primary_that_is_killed_is_replaced(setup: Sentinels | Cluster, store: RedisStore) -> None:
    lost, users = primary_of(setup), Users(store)
    with anyio.fail_after(BOUND):
        await prepare(store, setup)
        async with users.at_work():
            await users.wait_until_answered()
            lost.kill()
            await until_replaced(setup, lost)
            await users.wait_until_answered(100)
        await check_nothing_is_missing(store, users)


async def test_a_primary_that_hangs_is_replaced_and_nobody_goes_back_to_it(
    setup: Sentinels | Cluster, store: RedisStore
) -> None:
    hanging, users = primary_of(setup), Users(store)
    with anyio.fail_after(BOUND):
        await prepare(store, setup)
        async with users.at_work():
            await users.wait_until_answered()
            with hanging.frozen():
                await until_replaced(setup, hanging)
                await users.wait_until_answered()
            await users.wait_until_answered(100)
            await store.put(kept(0), b"0", TTL)
        successor = primary_of(setup, but=hanging)
        assert await anyio.to_thread.run_sync(successor.ask, "GET", kept(0)) == "0"
        await check_nothing_is_missing(store, users)


async def test_a_primary_that_hands_over_is_followed_and_what_was_taken_stays_taken(
    setup: Sentinels | Cluster, store: RedisStore
) -> None:
    former, counters = primary_of(setup), open_rate_counters(setup.url, PREFIX)
    limit = counters.limit("handed-over", "2/hour")
    assert limit
    with anyio.fail_after(BOUND):
        await prepare(store, setup)
        await limit.spend("somebody")
        await anyio.to_thread.run_sync(hand_over, setup, former)
        with anyio.fail_after(FOLLOWED_WITHIN):
            await follow(store, primary_of(setup))
        for number in range(KEPT):
            assert await store.take(kept(number)) == b"%d" % number
        assert primary_of(setup).ask("EXISTS", *map(kept, range(KEPT))) == 0
        await limit.spend("somebody")
    await counters.aclose()


def hand_over(setup: Sentinels | Cluster, former: RedisNode) -> None:
    """Have a replica take over from `former`, which lives on."""
    if isinstance(setup, Sentinels):
        setup.sentinels[0].ask("SENTINEL", "FAILOVER", "main")
    else:
        replicas = (each for each in setup.nodes if each.ask("INFO", "replication").get("master_port") == former.port)
        next(replicas).ask("CLUSTER", "FAILOVER")
    wait_until(lambda: primary_of(setup) is not former)


async def follow(store: RedisStore, successor: RedisNode) -> None:
    """Return once the store writes to `successor`."""
    turn = 0
    while await anyio.to_thread.run_sync(successor.ask, "GET", kept(KEPT)) != str(turn):
        turn += 1
        await store.put(kept(KEPT), b"%d" % turn, TTL)
