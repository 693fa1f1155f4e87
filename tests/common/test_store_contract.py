"""What every store promises: in memory, and on Redis however it is run, there as a user who may do nothing else."""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import anyio
import pytest

from authproxy_common.records import RedisStore, open_store
from authproxy_common.secret import Secret
from tests.support.redis_topologies import PRIVILEGES
from tests.support.stack import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-01")]

TTL = timedelta(minutes=5)
MILLISECONDS = 5 * 60 * 1000


@pytest.fixture(params=["memory://", "redis_behind_tls", "redis_sentinels", "redis_cluster"])
def url(request: pytest.FixtureRequest) -> Secret:
    if request.param == "memory://":
        return Secret(request.param)
    found: Secret = request.getfixturevalue(request.param).url
    return found


@pytest.fixture
async def store(url: Secret) -> AsyncIterator[RedisStore]:
    opened = open_store(url)
    yield opened
    await opened.aclose()


@pytest.fixture
def key() -> str:
    return f"test:{secrets.token_hex(8)}"


async def lifetime(store: RedisStore, key: str) -> int:
    """What is left of it, in milliseconds."""
    return int(await store.commands.repeatable(lambda client: client.pttl(key), key))


async def all_at_once(calls: list[Callable[[], Awaitable[bytes | None]]]) -> list[bytes | None]:
    """The answers to calls of which none begins before every other one stands ready."""
    answers: list[bytes | None] = []
    waiting, gate = len(calls), anyio.Event()

    async def call_at_gate(call: Callable[[], Awaitable[bytes | None]]) -> None:
        nonlocal waiting
        waiting -= 1
        if not waiting:
            gate.set()
        await gate.wait()
        answers.append(await call())

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            for call in calls:
                group.start_soon(call_at_gate, call)
    return answers


async def test_what_is_put_can_be_got_as_often_as_wanted(store: RedisStore, key: str) -> None:
    value = bytes(range(256))
    await store.put(key, value, TTL)

    assert [await store.get(key), await store.get(key)] == [value, value]


async def test_a_later_put_replaces_an_earlier_one(store: RedisStore, key: str) -> None:
    await store.put(key, b"old", timedelta(days=1))
    await store.put(key, b"new", TTL)

    assert await store.get(key) == b"new"
    assert 0 < await lifetime(store, key) <= MILLISECONDS


async def test_several_are_got_in_the_order_in_which_they_are_asked_for(store: RedisStore, key: str) -> None:
    # Of so many, no cluster has all in one place.
    keys = [f"{key}.{number}" for number in range(8)]
    for number in (1, 6):
        await store.put(keys[number], b"value %d" % number, TTL)

    found = await store.get_all(keys)
    assert found == [None, b"value 1", None, None, None, None, b"value 6", None]


async def test_what_was_never_put_is_not_there(store: RedisStore, key: str) -> None:
    assert await store.get(key) is None
    assert await store.take(key) is None


async def test_a_taken_value_is_gone(store: RedisStore, key: str) -> None:
    await store.put(key, b"value", TTL)

    assert await store.take(key) == b"value"
    assert await store.take(key) is None
    assert await store.get(key) is None


async def test_of_many_that_take_at_once_one_gets_the_value(store: RedisStore, key: str) -> None:
    await store.put(key, b"value", TTL)

    answers = await all_at_once([lambda: store.take(key)] * 20)

    assert sorted(answers, key=str) == [None] * 19 + [b"value"]


async def test_the_first_claim_stands_and_every_other_is_told_of_it(store: RedisStore, key: str) -> None:
    assert await store.claim(key, b"first", TTL) is None
    assert await store.claim(key, b"second", TTL) == b"first"
    assert await store.get(key) == b"first"


async def test_of_many_that_claim_at_once_one_is_first(store: RedisStore, key: str) -> None:
    def claim(number: int) -> Callable[[], Awaitable[bytes | None]]:
        return lambda: store.claim(key, b"claim %d" % number, TTL)

    answers = await all_at_once([claim(number) for number in range(20)])

    standing = await store.get(key)
    assert sorted(answers, key=str) == sorted([None] + [standing] * 19, key=str)


async def test_a_claim_that_is_sent_again_is_still_the_first(store: RedisStore, key: str) -> None:
    assert await store.claim(key, b"mine", TTL) is None
    assert await store.claim(key, b"mine", TTL) is None


async def test_a_key_is_free_again_once_its_claim_was_taken(store: RedisStore, key: str) -> None:
    await store.claim(key, b"first", TTL)
    await store.take(key)

    assert await store.claim(key, b"second", TTL) is None


@pytest.mark.requirement("ST-02")
@pytest.mark.parametrize("verb", ["put", "claim"])
async def test_every_write_carries_its_lifetime(store: RedisStore, key: str, verb: str) -> None:
    await getattr(store, verb)(key, b"value", TTL)

    assert MILLISECONDS - 10_000 < await lifetime(store, key) <= MILLISECONDS


@pytest.mark.requirement("ST-02")
async def test_a_late_claim_does_not_lengthen_the_first_ones_life(store: RedisStore, key: str) -> None:
    await store.claim(key, b"first", TTL)
    await store.claim(key, b"second", timedelta(days=1))

    assert 0 < await lifetime(store, key) <= MILLISECONDS


@pytest.mark.requirement("ST-02")
async def test_a_lifetime_may_be_shorter_than_a_second(store: RedisStore, key: str) -> None:
    await store.put(key, b"value", timedelta(milliseconds=900))

    assert 0 < await lifetime(store, key) <= 900


@pytest.mark.requirement("OP-03")
async def test_a_store_that_is_there_answers_a_ping(store: RedisStore) -> None:
    with anyio.fail_after(5):
        await store.ping()


@pytest.mark.requirement("ST-04")
@pytest.mark.parametrize("url", ["redis_behind_tls", "redis_sentinels", "redis_cluster"], indirect=True)
async def test_what_one_client_writes_every_other_reads(url: Secret, key: str) -> None:
    one, other = open_store(url), open_store(url)
    await one.put(key, b"value", TTL)
    await one.aclose()

    assert await other.get(key) == b"value"
    await other.aclose()


@pytest.mark.requirement("ST-04")
async def test_two_stores_in_memory_know_nothing_of_each_other(key: str) -> None:
    one, other = open_store(Secret("memory://")), open_store(Secret("memory://"))
    await one.put(key, b"value", TTL)

    assert await other.get(key) is None
    await one.aclose()
    await other.aclose()


@pytest.mark.requirement("CO-04")
def test_the_user_in_these_tests_is_the_one_that_operators_are_told_to_make() -> None:
    told = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    rules, in_cluster = re.findall(r"`~mcp-gateway:\* ([^`]+)`", told), re.findall(r"In a cluster add `([^`]+)`", told)
    assert [*rules, *in_cluster] == [PRIVILEGES.rpartition(" ")[0], PRIVILEGES.rpartition(" ")[2]]
