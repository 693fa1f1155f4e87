"""A store that is down, slow, or whose replies are lost: a clear error in time, and never a wrong answer."""

import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.records import RedisStore, open_store
from authproxy_common.records.commands import DEADLINE
from authproxy_common.records.redis_store import PING_DEADLINE
from authproxy_common.secret import Secret
from tests.common.lossy_proxy import LossyProxy, lossy_proxy
from tests.support.redis_topologies import RedisNode, cluster_of_one, sentinel_of, single
from tests.support.servers import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-05", "OP-04")]

TTL = timedelta(minutes=5)
SHORT = timedelta(milliseconds=200)
GETDEL, SET = b"\r\nGETDEL\r\n", b"\r\nSET\r\n"

Call = Callable[[RedisStore], Awaitable[object]]

CALLS: dict[str, Call] = {
    "put": lambda store: store.put("k", b"v", TTL),
    "get": lambda store: store.get("k"),
    "take": lambda store: store.take("k"),
    "claim": lambda store: store.claim("k", b"v", TTL),
    "ping": lambda store: store.ping(),
}


@pytest.fixture
def key() -> str:
    return f"test:{secrets.token_hex(8)}"


@dataclass
class Proxied:
    """A server behind a proxy, and the URL of a store whose every way to it leads through there."""

    proxy: LossyProxy
    url: Secret


@pytest.fixture(scope="module")
def cluster_node(redis_server_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisNode]:
    with cluster_of_one(redis_server_binary, tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(params=["single", "sentinel", "cluster"])
async def behind(
    request: pytest.FixtureRequest, redis_server: RedisServer, cluster_node: RedisNode, tmp_path: Path
) -> AsyncIterator[Proxied]:
    """The server that there is, that a Sentinel names, and that a cluster consists of."""
    is_cluster = request.param == "cluster"
    async with lossy_proxy(cluster_node.port if is_cluster else redis_server.port) as proxy:
        if request.param == "single":
            yield Proxied(proxy, Secret(f"redis://127.0.0.1:{proxy.port}/0"))
        elif is_cluster:
            cluster_node.ask("CONFIG", "SET", "cluster-announce-port", proxy.port)
            yield Proxied(proxy, Secret(f"redis+cluster://127.0.0.1:{proxy.port}"))
        else:
            with sentinel_of(redis_server.binary, tmp_path, proxy.port) as url:
                yield Proxied(proxy, url)


def at(port: int) -> Secret:
    return Secret(f"redis://127.0.0.1:{port}/0")


@asynccontextmanager
async def opened(url: Secret, deadline: timedelta = DEADLINE) -> AsyncIterator[RedisStore]:
    store = RedisStore(replace(open_store(url).commands, deadline=deadline))
    try:
        yield store
    finally:
        await store.aclose()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections in and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield int(listener.getsockname()[1])


def test_a_command_with_its_retries_takes_no_longer_than_a_person_waits() -> None:
    assert timedelta(seconds=5) > DEADLINE > PING_DEADLINE


async def test_a_store_that_is_down_is_unavailable_and_recovers_by_itself(own_redis_server: RedisServer) -> None:
    async with opened(at(own_redis_server.port), SHORT) as store:
        for call in CALLS.values():
            await call(store)
        own_redis_server.stop()
        with anyio.fail_after(5):
            for call in CALLS.values():
                with pytest.raises(TemporarilyUnavailable) as caught:
                    await call(store)
                assert caught.value.dependency == "redis"
        own_redis_server.start()
        with anyio.fail_after(5):
            for call in reversed(CALLS.values()):
                await call(store)


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in CALLS.items()])
async def test_a_store_that_says_nothing_is_unavailable_within_the_deadline(call: Call, silent_port: int) -> None:
    async with opened(at(silent_port), SHORT) as store:
        with anyio.fail_after(PING_DEADLINE.total_seconds() + 0.5), pytest.raises(TemporarilyUnavailable) as caught:
            await call(store)

    assert caught.value.dependency == "redis"
    assert caught.value.__cause__ is not None


async def test_a_take_whose_reply_is_lost_is_unavailable_and_never_looks_like_a_second_use(
    behind: Proxied, key: str
) -> None:
    proxy = behind.proxy
    async with opened(behind.url) as store:
        await store.put(key, b"value", TTL)
        await store.take(f"{key}:warm")
        proxy.command = GETDEL
        proxy.release.set()

        with anyio.fail_after(5), pytest.raises(TemporarilyUnavailable):
            await store.take(key)

        assert proxy.reached.is_set()
        assert sum(GETDEL in request for request in proxy.seen) == 2
        assert await store.take(key) is None


async def test_a_claim_whose_reply_is_lost_is_sent_again_and_is_still_the_first(behind: Proxied, key: str) -> None:
    proxy = behind.proxy
    async with opened(behind.url) as store:
        proxy.command = SET
        proxy.release.set()

        with anyio.fail_after(5):
            standing = await store.claim(key, b"mine", TTL)

        assert standing is None
        assert sum(SET in request for request in proxy.seen) == 2
        assert await store.get(key) == b"mine"
        assert await store.claim(key, b"another", TTL) == b"mine"


async def test_a_put_whose_reply_is_lost_is_sent_again(behind: Proxied, key: str) -> None:
    proxy = behind.proxy
    async with opened(behind.url) as store:
        proxy.command = SET
        proxy.release.set()

        with anyio.fail_after(5):
            await store.put(key, b"value", TTL)

        assert await store.get(key) == b"value"


async def test_a_reply_that_comes_after_the_deadline_answers_no_other_command(behind: Proxied, key: str) -> None:
    proxy = behind.proxy
    async with opened(behind.url, SHORT) as store:
        await store.put(key, b"late", TTL)
        await store.put(f"{key}:other", b"other", TTL)
        proxy.command, proxy.loses = GETDEL, False

        with anyio.fail_after(5), pytest.raises(TemporarilyUnavailable):
            await store.take(key)
        proxy.release.set()

        with anyio.fail_after(5):
            assert await store.take(f"{key}:other") == b"other"


async def test_a_caller_that_gives_up_leaves_its_reply_to_nobody(behind: Proxied, key: str) -> None:
    proxy = behind.proxy
    async with opened(behind.url) as store:
        await store.put(key, b"given up", TTL)
        await store.put(f"{key}:other", b"other", TTL)
        proxy.command, proxy.loses = GETDEL, False

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(store.take, key)
                await proxy.reached.wait()
                group.cancel_scope.cancel()
            proxy.release.set()
            assert await store.take(f"{key}:other") == b"other"


async def test_a_store_that_answers_with_an_error_is_unavailable_too(redis_server: RedisServer, key: str) -> None:
    async with opened(at(redis_server.port)) as store:
        await store.commands.repeatable(lambda client: client.hset(key, "field", "value"), key)

        with pytest.raises(TemporarilyUnavailable):
            await store.get(key)
        await store.commands.repeatable(lambda client: client.delete(key), key)


@pytest.mark.parametrize("verb", ["put", "claim"])
async def test_a_store_that_is_full_refuses_what_is_written_and_forgets_nothing(
    redis_server_binary: str, tmp_path: Path, verb: str, key: str
) -> None:
    with single(redis_server_binary, tmp_path, "--maxmemory-policy", "noeviction") as setup:
        async with opened(setup.url) as store:
            await store.put(key, b"kept", TTL)
            setup.node.ask("CONFIG", "SET", "maxmemory", 1)
            with pytest.raises(TemporarilyUnavailable) as caught:
                await getattr(store, verb)(f"{key}:other", b"value", TTL)
            assert (caught.value.status, caught.value.headers()) == (503, {"Retry-After": "2"})
            assert await store.take(key) == b"kept"
