"""Two hundred callers at once, at two gateway processes that share nothing but a real Redis and their keys."""

import asyncio
from typing import Any

import anyio
import httpx
import pytest
from redis.asyncio import Redis

from tests.support.conversation import Conversation, conversation
from tests.support.crowd import CALLERS, HELD_FOR, ask_both
from tests.support.gate import Gate
from tests.support.replicas import Replicas, started
from tests.support.servers import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-01", "ST-04")]


async def check_signed_in_with_one_successor(talk: Conversation, answers: list[httpx.Response]) -> None:
    """All got the same refresh token; it works, and so do the access tokens, at both gateways."""
    assert {answer.status_code for answer in answers} == {200}
    bodies: list[dict[str, Any]] = [answer.json() for answer in answers]
    assert len({body["refresh_token"] for body in bodies}) == 1
    assert bodies[0]["refresh_token"] != talk.tokens["refresh_token"]
    for gateway in talk.replicas.gateways:
        assert [await talk.replicas.call(gateway, body["access_token"]) for body in bodies[:2]] == [200, 200]
    talk.tokens = bodies[0]
    for gateway in reversed(talk.replicas.gateways):
        talk.goes_on_at(gateway)
        await talk.refresh()
        await talk.call()


@pytest.mark.requirement("TK-02")
async def test_of_two_hundred_refreshes_of_one_token_all_get_one_successor(
    replicas: Replicas, redis_server: RedisServer
) -> None:
    with anyio.fail_after(30):
        async with conversation(replicas) as talk:
            await talk.until("refresh")
            answers = await ask_both(replicas, redis_server, talk.refresh_form())
            await check_signed_in_with_one_successor(talk, answers)


@pytest.mark.requirement("TK-02", "TK-05")
async def test_two_hundred_refreshes_when_the_provider_is_due_ask_it_once(
    replicas: Replicas, redis_server: RedisServer
) -> None:
    with anyio.fail_after(30):
        async with conversation(replicas) as talk:
            with replicas.provider.issuing_expired_tokens():
                await talk.until("refresh")
            asked_before = replicas.provider.times_asked("token")
            asks = replicas.provider.gates["token"] = Gate()
            asking = asyncio.ensure_future(ask_both(replicas, redis_server, talk.refresh_form()))
            await asks.reached.wait()
            await wait_until_read(redis_server, CALLERS * 5 // 2)
            asks.opened.set()
            answers = await asking
            assert replicas.provider.times_asked("token") == asked_before + 1
            await check_signed_in_with_one_successor(talk, answers)
            assert replicas.provider.times_asked("token") == asked_before + 1


async def wait_until_read(redis_server: RedisServer, times: int) -> None:
    """Return once Redis was read so many times more, by everybody who waits for an answer, or when nobody seems to."""
    async with Redis.from_url(redis_server.url) as redis:

        async def reads() -> int:
            return int((await redis.info("commandstats"))["cmdstat_get"]["calls"])

        enough = await reads() + times
        with anyio.move_on_after(HELD_FOR):
            while await reads() < enough:
                pass


@pytest.mark.requirement("TK-02", "TK-06")
async def test_a_refresh_token_that_is_used_after_the_grace_window_ends_the_grant_at_both(replicas: Replicas) -> None:
    def short_grace(config: str) -> str:
        return config.replace("refresh_grace_seconds: 60", "refresh_grace_seconds: 1")

    impatient = [replicas.gateway(short_grace), replicas.gateway(short_grace)]
    async with started(*impatient), conversation(replicas) as talk:
        with anyio.fail_after(30):
            await talk.until("refresh")
            talk.goes_on_at(impatient[0])
            used = talk.refresh_form()
            await talk.refresh()
            talk.goes_on_at(impatient[1])
            assert await first_refusal(talk, used) == "invalid_grant"
            await replicas.wait_until_refused(talk.tokens["access_token"], *replicas.gateways, *impatient)
            for gateway in (*impatient, *replicas.gateways):
                talk.goes_on_at(gateway)
                assert await talk.refusal(talk.refresh_form()) == "invalid_grant"


async def first_refusal(talk: Conversation, form: dict[str, str]) -> str:
    """The error that ends a client's retries; until then all of them have the same successor as the first use."""
    while True:
        answer = await talk.program.post(talk.metadata["token_endpoint"], data=form)
        if answer.status_code != 200:
            assert answer.status_code == 400
            return str(answer.json()["error"])
        assert answer.json()["refresh_token"] == talk.tokens["refresh_token"]


@pytest.mark.requirement("TK-01", "TK-06")
async def test_of_two_hundred_redemptions_of_one_code_one_succeeds_and_its_grant_ends(
    replicas: Replicas, redis_server: RedisServer
) -> None:
    with anyio.fail_after(30):
        async with conversation(replicas) as talk:
            await talk.until("token")
            answers = await ask_both(replicas, redis_server, talk.code_form())
            refused = [answer for answer in answers if answer.status_code != 200]
            assert len(refused) == CALLERS - 1
            assert {(answer.status_code, answer.json()["error"]) for answer in refused} == {(400, "invalid_grant")}
            [talk.tokens] = [answer.json() for answer in answers if answer.status_code == 200]
            await replicas.wait_until_refused(talk.tokens["access_token"], *replicas.gateways)
            for gateway in replicas.gateways:
                talk.goes_on_at(gateway)
                assert await talk.refusal(talk.refresh_form()) == "invalid_grant"
