"""Calls at two gateway processes whose MCP server gets the provider's token, at the moment when it is due."""

import asyncio
from collections.abc import AsyncIterator

import anyio
import httpx
import pytest

from tests.support.conversation import conversation
from tests.support.gate import Gate
from tests.support.replicas import Door, Replica, Replicas, started

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("UP-04", "ST-01", "ST-04")]

CALLERS = 100


@pytest.fixture
async def gateways(replicas: Replicas) -> AsyncIterator[list[Replica]]:
    """Two more, on the same store and keys as the others."""

    def provider_token(config: str) -> str:
        return config.replace("      credentials: identity\n", "      credentials: provider_token\n")

    both = [replicas.gateway(provider_token), replicas.gateway(provider_token)]
    async with started(*both):
        yield both


async def test_a_hundred_calls_whose_provider_token_is_due_have_it_renewed_once(
    replicas: Replicas, gateways: list[Replica]
) -> None:
    with anyio.fail_after(30):
        async with conversation(replicas) as talk:
            with replicas.provider.issuing_expired_tokens():
                await talk.until("refresh")
            asked_before, calls_before = replicas.provider.times_asked("token"), len(replicas.upstream.received)
            asks = replicas.provider.gates["token"] = Gate()
            calling = asyncio.ensure_future(call_both(replicas, gateways, talk.tokens["access_token"]))
            await asks.reached.wait()
            asks.opened.set()
            answers = await calling
            del replicas.provider.gates["token"]

    assert {answer.status_code for answer in answers} == {200}
    assert replicas.provider.times_asked("token") == asked_before + 1
    sent = {request.headers["authorization"] for request in replicas.upstream.received[calls_before:]}
    [token] = [authorization.removeprefix("Bearer ") for authorization in sent]
    assert token in replicas.provider.access_tokens


async def call_both(replicas: Replicas, gateways: list[Replica], access_token: str) -> list[httpx.Response]:
    """The answers to as many calls, every other one at the other gateway."""
    one, other = (replicas.client(Door(gateway)) for gateway in gateways)
    headers = {"Authorization": f"Bearer {access_token}"}
    async with one, other:
        url = f"{replicas.public_url}/mcp"
        return await asyncio.gather(
            *((one, other)[i % 2].post(url, json={"id": 1}, headers=headers) for i in range(CALLERS))
        )
