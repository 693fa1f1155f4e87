"""Redis Cluster: a command reaches whoever owns its key, wherever that has moved to, and is run once."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.records import RedisStore, open_store
from authproxy_common.records.rate_limits import open_rate_counters
from authproxy_common.secret import Secret
from tests.support.redis_topologies import Cluster, RedisNode, cluster
from tests.support.servers import RedisServer, free_port

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-05", "ST-01")]

TTL = timedelta(minutes=5)
SHORT = timedelta(milliseconds=300)
MANY = 100


@pytest.fixture(scope="module")
def nodes(redis_server_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose slots tests move about."""
    with cluster(redis_server_binary, tmp_path_factory.mktemp("cluster"), keys="~test:*") as setup:
        yield setup


@pytest.fixture
async def store(nodes: Cluster) -> AsyncIterator[RedisStore]:
    opened = open_store(nodes.url)
    yield opened
    await opened.aclose()


def key(slot: str, number: int) -> str:
    """A key in the slot of that name."""
    return f"test:{{{slot}}}:{number}"


class Move:
    """A slot on its way from its owner to another primary.

    Args:
        nodes: Of the cluster.
        slot: Its name.
    """

    def __init__(self, nodes: Cluster, slot: str) -> None:
        self.nodes = nodes
        self.source = nodes.primary_of(key(slot, 0))
        self.target = next(node for node in nodes.nodes if node is not self.source and is_primary(node))
        self.number = self.source.ask("CLUSTER", "KEYSLOT", key(slot, 0))

    def begin(self) -> None:
        self.target.ask("CLUSTER", "SETSLOT", self.number, "IMPORTING", self.source.ask("CLUSTER", "MYID"))
        self.source.ask("CLUSTER", "SETSLOT", self.number, "MIGRATING", self.target.ask("CLUSTER", "MYID"))

    def finish(self) -> None:
        for name in self.source.ask("CLUSTER", "GETKEYSINSLOT", self.number, 1000):
            self.source.ask("MIGRATE", "127.0.0.1", self.target.port, name, 0, 5000)
        for node in (self.target, self.source):
            node.ask("CLUSTER", "SETSLOT", self.number, "NODE", self.target.ask("CLUSTER", "MYID"))


def is_primary(node: RedisNode) -> bool:
    return str(node.ask("INFO", "replication")["role"]) == "master"


async def all_at_once(call: Callable[[int], Any]) -> list[Any]:
    """The answers, in order."""
    answers: list[Any] = [None] * MANY

    async def ask(number: int) -> None:
        answers[number] = await call(number)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for number in range(MANY):
                group.start_soon(ask, number)
    return answers


async def test_while_a_slot_is_being_moved_its_keys_are_found_at_both_nodes(nodes: Cluster, store: RedisStore) -> None:
    slot, values = "moving", [b"%d" % number for number in range(MANY)]
    move = Move(nodes, slot)
    for number in range(0, MANY, 2):
        await store.put(key(slot, number), values[number], TTL)
    move.begin()

    # The even ones are where they were, the odd ones come to where the slot is going.
    await all_at_once(lambda n: store.put(key(slot, n), values[n], TTL))
    assert move.source.ask("CLUSTER", "COUNTKEYSINSLOT", move.number) == MANY // 2
    assert await all_at_once(lambda n: store.get(key(slot, n))) == values
    assert await all_at_once(lambda n: store.claim(key(slot, n), b"second", TTL)) == values
    assert await all_at_once(lambda n: store.take(key(slot, n))) == values
    assert await all_at_once(lambda n: store.take(key(slot, n))) == [None] * MANY
    move.finish()


async def test_a_slot_that_has_moved_is_followed_and_nothing_runs_twice(nodes: Cluster, store: RedisStore) -> None:
    slot, values = "moved", [b"%d" % number for number in range(MANY)]
    await all_at_once(lambda n: store.put(key(slot, n), values[n], TTL))
    move = Move(nodes, slot)
    move.begin()
    move.finish()

    assert await all_at_once(lambda n: store.take(key(slot, n))) == values
    assert move.target.ask("CLUSTER", "COUNTKEYSINSLOT", move.number) == 0


@pytest.mark.requirement("OP-09")
async def test_what_is_counted_goes_on_where_the_slot_is(nodes: Cluster) -> None:
    counters = open_rate_counters(nodes.url, "test")
    window, name = timedelta(minutes=1), "{counted}"
    assert (await counters.counts.count(name, window))[0] == 1
    move = Move(nodes, "counted")
    move.begin()
    move.finish()
    assert (await counters.counts.count(name, window))[0] == 2
    await counters.aclose()


async def test_a_slot_that_nobody_owns_is_unavailable_until_somebody_does(nodes: Cluster, store: RedisStore) -> None:
    impatient = RedisStore(replace(store.commands, deadline=SHORT))
    owner, slot = nodes.primary_of(key("orphan", 0)), nodes.nodes[0].ask("CLUSTER", "KEYSLOT", key("orphan", 0))
    for node in nodes.nodes:
        node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
        node.ask("CLUSTER", "DELSLOTS", slot)

    with pytest.raises(TemporarilyUnavailable):
        await impatient.put(key("orphan", 0), b"value", TTL)
    await store.put(key("other", 0), b"value", TTL)
    owner.ask("CLUSTER", "ADDSLOTS", slot)

    with anyio.fail_after(5):
        await store.put(key("orphan", 0), b"value", TTL)
    assert await store.take(key("orphan", 0)) == b"value"


async def test_one_node_that_answers_is_enough_to_find_the_others(nodes: Cluster) -> None:
    credentials = nodes.url.reveal().partition("://")[2].partition("@")[0]
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{free_port()},{nodes.nodes[3].address}"
    opened = open_store(Secret(f"redis+cluster://{credentials}@{hosts}"))
    with anyio.fail_after(5):
        await opened.ping()
        for number in range(20):
            await opened.put(f"test:{number}", b"value", TTL)
    await opened.aclose()


async def test_a_server_that_is_no_cluster_is_unavailable_at_once(redis_server: RedisServer) -> None:
    opened = open_store(Secret(f"redis+cluster://127.0.0.1:{redis_server.port}"))
    with anyio.fail_after(2), pytest.raises(TemporarilyUnavailable):
        await opened.get("test:a")
    await opened.aclose()


async def test_a_node_that_is_taken_for_a_single_server_is_unavailable_where_it_does_not_own_the_slot(
    nodes: Cluster,
) -> None:
    other = next(node for node in nodes.nodes if is_primary(node) and node is not nodes.primary_of("test:a"))
    opened = open_store(Secret(f"redis://{other.address}"))
    with anyio.fail_after(2), pytest.raises(TemporarilyUnavailable):
        await opened.get("test:a")
    await opened.aclose()
