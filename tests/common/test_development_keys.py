"""The keys of a development setup: made once, the same for every replica."""

from collections.abc import AsyncIterator

import anyio
import pytest

from authproxy_common.records import RedisStore, generate_key, open_store
from authproxy_common.records.development_keys import development_key
from authproxy_common.secret import Secret
from tests.support.stored import client_of

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-04")]


@pytest.fixture
async def store() -> AsyncIterator[RedisStore]:
    opened = open_store(Secret("memory://"))
    yield opened
    await opened.aclose()


async def test_a_key_is_made_once_and_found_again(store: RedisStore) -> None:
    made = await development_key(store, "gateway:sealing", generate_key)

    assert await development_key(store, "gateway:sealing", generate_key) == made


async def test_replicas_that_start_together_get_the_same_key(store: RedisStore) -> None:
    found: list[Secret] = []

    async def start() -> None:
        found.append(await development_key(store, "gateway:sealing", generate_key))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(start)

    assert len(found) == 10
    assert len(set(found)) == 1


async def test_keys_of_other_names_and_stores_are_others(store: RedisStore) -> None:
    elsewhere = open_store(Secret("memory://"))

    keys = {
        await development_key(store, "gateway:sealing", generate_key),
        await development_key(store, "gateway:signing", generate_key),
        await development_key(elsewhere, "gateway:sealing", generate_key),
    }

    assert len(keys) == 3
    await elsewhere.aclose()


@pytest.mark.requirement("ST-02")
async def test_a_kept_key_has_a_lifetime_like_every_value(store: RedisStore) -> None:
    await development_key(store, "gateway:sealing", generate_key)

    assert [await client_of(store).pttl(key) > 0 async for key in client_of(store).scan_iter()] == [True]
