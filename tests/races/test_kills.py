"""kill -9 of a process, between any two steps of a sign-in or in the middle of one, on a real Redis."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from authproxy_common.records import open_store
from authproxy_common.secret import Secret, digest
from mcp_gateway.domain.grants import RefreshToken
from tests.common.lossy_proxy import LossyProxy, lossy_proxy
from tests.support.conversation import STEPS, Conversation, conversation
from tests.support.gate import Gate
from tests.support.replicas import Replica, Replicas, started
from tests.support.servers import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-04")]

BOUND = 30


@pytest.fixture(autouse=True)
async def all_run(replicas: Replicas) -> AsyncIterator[None]:
    """What a test killed runs again afterwards, and what it held back does not stay so."""
    yield
    replicas.provider.gates.clear()
    for process in (replicas.auth_server, *replicas.gateways):
        await process.start()


@pytest.mark.requirement("CL-07", "TK-06")
@pytest.mark.parametrize(
    ("killed", "goes_on"),
    [
        pytest.param(0, 1, id="the first is killed, the second goes on"),
        pytest.param(1, 1, id="the second is killed and restarted"),
    ],
)
@pytest.mark.parametrize("step", [*STEPS][1:])
async def test_a_gateway_that_is_killed_before_a_step_has_lost_nothing(
    replicas: Replicas, step: str, killed: int, goes_on: int
) -> None:
    with anyio.fail_after(BOUND):
        async with conversation(replicas) as talk:
            talk.goes_on_at(replicas.gateways[killed])
            await talk.until(step)
            replicas.gateways[killed].kill()
            await replicas.gateways[goes_on].start()
            talk.goes_on_at(replicas.gateways[goes_on])
            await talk.finish()
            assert await talk.refusal(talk.refresh_form()) == "invalid_grant"


@pytest.mark.requirement("CL-07", "TK-06")
@pytest.mark.parametrize("step", ["login", "provider's callback", "gateway's callback", "refresh", "revocation"])
async def test_an_auth_server_that_is_killed_and_restarted_before_a_step_has_lost_nothing(
    replicas: Replicas, step: str
) -> None:
    revoked_before = replicas.provider.times_asked("revoke")
    with anyio.fail_after(BOUND):
        async with conversation(replicas) as talk:
            with replicas.provider.issuing_expired_tokens():
                await talk.until(step)
            replicas.auth_server.kill()
            await replicas.auth_server.start()
            await talk.finish()
    refresh_token_and_access_token = 2
    assert replicas.provider.times_asked("revoke") == revoked_before + refresh_token_and_access_token


@pytest.mark.requirement("TK-02")
async def test_a_gateway_that_is_killed_while_it_refreshes_has_used_nothing_up(
    replicas: Replicas, redis_server: RedisServer
) -> None:
    with anyio.fail_after(BOUND):
        async with conversation(replicas) as talk, doomed_gateway(replicas, redis_server) as (doomed, redis):
            await talk.until("refresh")
            talk.goes_on_at(doomed)
            redis.command = b"mcp-gateway:rotation:"
            await kill_in_the_middle(doomed, talk.refresh, redis.reached)
            talk.goes_on_at(replicas.gateways[0])
            await talk.finish()


@pytest.mark.requirement("TK-02", "TK-05")
async def test_a_gateway_that_is_killed_while_the_provider_is_asked_has_used_nothing_up(
    replicas: Replicas, redis_server: RedisServer
) -> None:
    gateway, other = replicas.gateways
    with anyio.fail_after(BOUND):
        async with conversation(replicas) as talk:
            with replicas.provider.issuing_expired_tokens():
                await talk.until("refresh")
            refreshed = replicas.auth_server.times_logged("provider_tokens_refreshed")
            asks = replicas.provider.gates["token"] = Gate()
            await kill_in_the_middle(gateway, talk.refresh, asks.reached)
            asks.opened.set()
            await replicas.auth_server.wait_until_logged("provider_tokens_refreshed", refreshed + 1)
            await forget_who_asks(redis_server, talk.tokens["refresh_token"])
            talk.goes_on_at(other)
            await talk.finish()


@pytest.mark.requirement("TK-01")
async def test_a_code_whose_answer_was_lost_gets_no_second_one_and_connecting_again_works(replicas: Replicas) -> None:
    gateway, other = replicas.gateways
    with anyio.fail_after(BOUND):
        async with conversation(replicas) as talk:
            await talk.until("token")
            lost = await talk.program.post(talk.metadata["token_endpoint"], data=talk.code_form())
            gateway.kill()
            talk.goes_on_at(other)
            # A second token request looks like a theft, whoever makes it (OAuth 2.1 §4.1.3).
            assert await talk.refusal(talk.code_form()) == "invalid_grant"
            await replicas.wait_until_refused(lost.json()["access_token"], other)
            talk.begin_again()
            await talk.finish()


@pytest.mark.requirement("TK-01")
async def test_a_gateway_that_is_killed_while_it_redeems_a_code_has_spent_it_and_connecting_again_works(
    replicas: Replicas, redis_server: RedisServer
) -> None:
    with anyio.fail_after(BOUND):
        async with conversation(replicas) as talk, doomed_gateway(replicas, redis_server) as (doomed, redis):
            await talk.until("token")
            talk.goes_on_at(doomed)
            redis.command = b"mcp-gateway:code-use:"
            await kill_in_the_middle(doomed, talk.redeem, redis.reached)
            talk.goes_on_at(replicas.gateways[0])
            # A second token request looks like a theft, whoever makes it (OAuth 2.1 §4.1.3).
            assert await talk.refusal(talk.code_form()) == "invalid_grant"
            talk.begin_again()
            await talk.finish()


@pytest.mark.requirement("AZ-06")
async def test_a_gateway_that_is_killed_in_its_callback_asks_the_person_to_connect_again(
    replicas: Replicas, redis_server: RedisServer
) -> None:
    with anyio.fail_after(BOUND):
        async with conversation(replicas) as talk, doomed_gateway(replicas, redis_server) as (doomed, redis):
            await talk.until("gateway's callback")
            talk.goes_on_at(doomed)
            redis.command = b"mcp-gateway:sign-in:"
            await kill_in_the_middle(doomed, talk.go_on, redis.reached)
            talk.goes_on_at(replicas.gateways[0])
            await check_person_is_asked_to_connect_again(talk)
            talk.begin_again()
            await talk.finish()


@pytest.mark.requirement("AZ-06")
async def test_an_auth_server_that_is_killed_in_its_callback_asks_the_person_to_connect_again(
    replicas: Replicas,
) -> None:
    with anyio.fail_after(BOUND):
        async with conversation(replicas) as talk:
            await talk.until("provider's callback")
            asks = replicas.provider.gates["token"] = Gate()
            await kill_in_the_middle(replicas.auth_server, talk.go_on, asks.reached)
            asks.opened.set()
            await replicas.auth_server.start()
            await check_person_is_asked_to_connect_again(talk)
            talk.begin_again()
            await talk.finish()


@asynccontextmanager
async def doomed_gateway(replicas: Replicas, redis_server: RedisServer) -> AsyncIterator[tuple[Replica, LossyProxy]]:
    """A third gateway, for which a reply of Redis can be held back."""
    async with lossy_proxy(redis_server.port) as redis:
        gateway = replicas.gateway(REDIS_URL=f"redis://127.0.0.1:{redis.port}/0")
        async with started(gateway):
            yield gateway, redis


async def kill_in_the_middle(process: Replica, step: Callable[[], Awaitable[None]], reached: anyio.Event) -> None:
    """Take `step`, and kill `process` once `reached` is set: whoever took the step sees the connection break."""

    async def broken() -> None:
        with pytest.raises(httpx.TransportError):
            await step()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(broken)
        await reached.wait()
        process.kill()


async def forget_who_asks(redis_server: RedisServer, refresh_token: str) -> None:
    """What time does: the mark of a gateway that asks the provider outlives it by some seconds at most."""
    store = open_store(Secret(redis_server.url))
    assert await store.take(f"mcp-gateway:renewal:{digest(RefreshToken.parse(refresh_token).grant_id)}")
    await store.aclose()


async def check_person_is_asked_to_connect_again(talk: Conversation) -> None:
    """The state was used up: reloading the page says what to do."""
    page = await talk.browser.get(talk.leads_to)
    assert page.status_code == 400
    assert "already finished" in page.text
    assert "What to do:" in page.text
