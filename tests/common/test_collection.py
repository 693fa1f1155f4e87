"""Typed records: named, versioned, keyed by digest, sealed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from authproxy_common.records import Collection, RedisStore, SealingKeys, generate_key, open_store
from authproxy_common.secret import Secret, digest
from tests.support.stored import client_of

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-03")]

TTL = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Session:
    subject: str
    upstream_token: Secret
    scope: tuple[str, ...] = ()
    ends_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plain:
    subject: str


ALICE = Session("alice", Secret("provider-access-token"), ("a", "b"))
BOB = Session("bob", Secret("another-access-token"))


@pytest.fixture
async def store() -> AsyncIterator[RedisStore]:
    opened = open_store(Secret("memory://"))
    yield opened
    await opened.aclose()


@pytest.fixture
def sessions(store: RedisStore) -> Collection[Session]:
    return Collection(store, "gateway:session", Session, TTL, SealingKeys([generate_key()]))


async def stored(store: RedisStore) -> dict[bytes, bytes]:
    """Everything that the store holds, as somebody would find it who broke in."""
    return {key: await store.get(key.decode()) or b"" async for key in client_of(store).scan_iter()}


async def test_a_record_comes_back_as_it_was_written(sessions: Collection[Session]) -> None:
    await sessions.put("id", ALICE)

    assert await sessions.get("id") == ALICE
    assert await sessions.take("id") == ALICE
    assert await sessions.take("id") is None


@pytest.mark.requirement("ST-01")
async def test_a_claim_tells_the_second_caller_of_the_first_record(sessions: Collection[Session]) -> None:
    assert await sessions.claim("id", ALICE) is None
    assert await sessions.claim("id", BOB) == ALICE
    assert await sessions.get("id") == ALICE


@pytest.mark.requirement("ST-01")
async def test_an_equal_record_does_not_pass_for_the_first_claim(store: RedisStore) -> None:
    plain = Collection(store, "gateway:plain", Plain, TTL)

    assert await plain.claim("id", Plain("alice")) is None
    assert await plain.claim("id", Plain("alice")) == Plain("alice")


async def test_neither_key_nor_secret_nor_subject_can_be_read_in_the_store(
    sessions: Collection[Session], store: RedisStore
) -> None:
    await sessions.put("ac_bearer-value", ALICE)
    await sessions.claim("rt_bearer-value", BOB)

    everything = b" ".join(key + value for key, value in (await stored(store)).items())

    for plaintext in (b"bearer-value", b"access-token", b"alice", b"bob", b"upstream_token"):
        assert plaintext not in everything


async def test_the_key_of_a_record_is_its_collection_and_a_digest(
    sessions: Collection[Session], store: RedisStore
) -> None:
    await sessions.put("ac_bearer-value", ALICE)

    assert list(await stored(store)) == [f"gateway:session:{digest('ac_bearer-value')}".encode()]


async def test_sealed_values_that_change_places_do_not_open(sessions: Collection[Session], store: RedisStore) -> None:
    await sessions.put("alice", ALICE)
    await sessions.put("bob", BOB)
    (one, sealed_one), (two, sealed_two) = (await stored(store)).items()
    await store.put(one.decode(), sealed_two, TTL)
    await store.put(two.decode(), sealed_one, TTL)

    assert await sessions.get("alice") is None
    assert await sessions.get("bob") is None


async def test_a_sealed_value_does_not_open_in_another_collection(
    sessions: Collection[Session], store: RedisStore
) -> None:
    other = replace(sessions, name="gateway:other")
    await sessions.put("id", ALICE)
    [value] = (await stored(store)).values()
    await store.put(f"gateway:other:{digest('id')}", value, TTL)

    assert await other.get("id") is None


@pytest.mark.requirement("ST-04")
async def test_a_record_of_another_version_counts_as_absent(sessions: Collection[Session]) -> None:
    await sessions.put("id", ALICE)

    assert await replace(sessions, version=2).get("id") is None
    assert await replace(sessions, version=11).get("id") is None
    assert await sessions.get("id") == ALICE


@pytest.mark.requirement("ST-04")
async def test_an_unsealed_record_of_another_version_counts_as_absent(store: RedisStore) -> None:
    plain = Collection(store, "gateway:plain", Plain, TTL)
    await plain.put("id", Plain("alice"))

    assert await replace(plain, version=2).get("id") is None
    assert await plain.get("id") == Plain("alice")


async def test_a_version_written_over_a_sealed_value_does_not_make_it_readable(
    sessions: Collection[Session], store: RedisStore
) -> None:
    await sessions.put("id", ALICE)
    [(key, value)] = (await stored(store)).items()
    await store.put(key.decode(), b"2" + value[1:], TTL)

    assert await replace(sessions, version=2).get("id") is None


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"1", id="version alone"),
        pytest.param(b"1:tag", id="no payload"),
        pytest.param(b"1:tag:", id="empty payload"),
        pytest.param(b"1:tag:junk", id="junk"),
        pytest.param(b'1:tag:{"subject":"mallory","upstream_token":"x"}', id="unsealed record"),
    ],
)
async def test_what_nobody_sealed_counts_as_absent(
    sessions: Collection[Session], store: RedisStore, value: bytes
) -> None:
    await store.put(f"gateway:session:{digest('id')}", value, TTL)

    assert await sessions.get("id") is None


@pytest.mark.requirement("ST-01")
async def test_an_unreadable_claim_still_means_that_somebody_was_first(
    sessions: Collection[Session], store: RedisStore
) -> None:
    await store.put(f"gateway:session:{digest('id')}", b"0:tag:junk", TTL)

    assert await sessions.claim("id", ALICE) == ALICE


async def test_a_record_of_another_shape_counts_as_absent(store: RedisStore) -> None:
    await Collection(store, "gateway:plain", Plain, TTL).put("id", Plain("alice"))

    assert await Collection(store, "gateway:plain", Session, TTL).get("id") is None


@pytest.mark.requirement("OP-02")
async def test_a_record_with_secrets_is_not_written_without_a_seal(store: RedisStore) -> None:
    unsealed = Collection(store, "gateway:session", Session, TTL)

    with pytest.raises(TypeError):
        await unsealed.put("id", ALICE)

    assert await stored(store) == {}


@pytest.mark.requirement("ST-04")
async def test_records_outlive_a_rotation_of_the_sealing_keys(store: RedisStore) -> None:
    old, new = generate_key(), generate_key()
    await Collection(store, "gateway:session", Session, TTL, SealingKeys([old])).put("id", ALICE)

    rotated = Collection(store, "gateway:session", Session, TTL, SealingKeys([new, old]))

    assert await rotated.get("id") == ALICE


@pytest.mark.requirement("ST-02")
@pytest.mark.parametrize("verb", ["put", "claim"])
@pytest.mark.parametrize(("ttl", "lives"), [(None, TTL), (timedelta(seconds=30), timedelta(seconds=30))])
async def test_a_record_lives_as_long_as_its_collection_or_its_writer_says(
    sessions: Collection[Session], store: RedisStore, verb: str, ttl: timedelta | None, lives: timedelta
) -> None:
    await getattr(sessions, verb)("id", ALICE, ttl)

    left = timedelta(milliseconds=await client_of(store).pttl(f"gateway:session:{digest('id')}"))
    assert lives - timedelta(seconds=10) < left <= lives
