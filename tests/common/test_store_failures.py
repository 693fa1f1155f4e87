"""A store that is down, slow, or whose replies are lost: a clear error in time, and never a wrong answer."""

import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.records import RedisStore, open_store
from authproxy_common.records.redis_store import DEADLINE, PING_DEADLINE
from authproxy_common.secret import Secret
from tests.common.lossy_proxy import LossyProxy, lossy_proxy
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


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[LossyProxy]:
    async with lossy_proxy(redis_server.port) as standing:
        yield standing


@asynccontextmanager
async def opened(port: int, deadline: timedelta = DEADLINE) -> AsyncIterator[RedisStore]:
    store = replace(open_store(Secret(f"redis://127.0.0.1:{port}/0")), deadline=deadline)
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
    async with opened(own_redis_server.port, SHORT) as store:
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
    async with opened(silent_port, SHORT) as store:
        with anyio.fail_after(PING_DEADLINE.total_seconds() + 0.5), pytest.raises(TemporarilyUnavailable) as caught:
            await call(store)

    assert caught.value.dependency == "redis"
    assert caught.value.__cause__ is not None


async def test_a_take_whose_reply_is_lost_is_unavailable_and_never_looks_like_a_second_use(
    proxy: LossyProxy, key: str
) -> None:
    async with opened(proxy.port) as store:
        await store.put(key, b"value", TTL)
        await store.take(f"{key}:warm")
        proxy.command = GETDEL
        proxy.release.set()

        with anyio.fail_after(5), pytest.raises(TemporarilyUnavailable):
            await store.take(key)

        assert proxy.reached.is_set()
        assert sum(GETDEL in request for request in proxy.seen) == 2
        assert await store.take(key) is None


async def test_a_claim_whose_reply_is_lost_is_sent_again_and_is_still_the_first(proxy: LossyProxy, key: str) -> None:
    async with opened(proxy.port) as store:
        proxy.command = SET
        proxy.release.set()

        with anyio.fail_after(5):
            standing = await store.claim(key, b"mine", TTL)

        assert standing is None
        assert sum(SET in request for request in proxy.seen) == 2
        assert await store.get(key) == b"mine"
        assert await store.claim(key, b"another", TTL) == b"mine"


async def test_a_put_whose_reply_is_lost_is_sent_again(proxy: LossyProxy, key: str) -> None:
    async with opened(proxy.port) as store:
        proxy.command = SET
        proxy.release.set()

        with anyio.fail_after(5):
            await store.put(key, b"value", TTL)

        assert await store.get(key) == b"value"


async def test_a_reply_that_comes_after_the_deadline_answers_no_other_command(proxy: LossyProxy, key: str) -> None:
    async with opened(proxy.port, SHORT) as store:
        await store.put(key, b"late", TTL)
        await store.put(f"{key}:other", b"other", TTL)
        proxy.command, proxy.loses = GETDEL, False

        with anyio.fail_after(5), pytest.raises(TemporarilyUnavailable):
            await store.take(key)
        proxy.release.set()

        with anyio.fail_after(5):
            assert await store.take(f"{key}:other") == b"other"


async def test_a_caller_that_gives_up_leaves_its_reply_to_nobody(proxy: LossyProxy, key: str) -> None:
    async with opened(proxy.port) as store:
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
    async with opened(redis_server.port) as store:
        await store.patient.hset(key, "field", "value")

        with pytest.raises(TemporarilyUnavailable):
            await store.get(key)
        await store.patient.delete(key)
