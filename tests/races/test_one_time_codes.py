"""A hundred callers for one code, at two replicas, on the embedded store and on a real Redis: one gets it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from auth_server.domain.gateways import Gateways
from auth_server.domain.sign_ins import GatewayCode
from auth_server.flows.exchange import ExchangeFlow
from authproxy_common.errors import InvalidGrant
from authproxy_common.events import Events
from authproxy_common.exchange import SignIn
from authproxy_common.http.metrics import Metrics
from authproxy_common.params import Params
from authproxy_common.records import Collection, SealingKeys, Store, generate_key, open_store
from authproxy_common.secret import Secret, mint
from tests.support.gateway import GATEWAY, World
from tests.support.network import virtual_network

pytestmark = pytest.mark.anyio

CALLERS = 100
URI, MINUTE = "https://app.test/callback", timedelta(minutes=1)


@pytest.fixture(params=["memory", "redis-server"])
async def replicas_of_store(request: pytest.FixtureRequest) -> AsyncIterator[Sequence[Store]]:
    """The store as two replicas see it: two clients of one server, where there is a server."""
    if request.param == "memory":
        stores = [open_store(Secret("memory://"))] * 2
    else:
        url = Secret(request.getfixturevalue("redis_server").url)
        stores = [open_store(url), open_store(url)]
    yield stores
    for store in stores:
        await store.aclose()


async def at_once(attempts: list[Any]) -> list[Any]:
    """Start every attempt, let each reach its first wait, and let all go together."""
    gate = asyncio.Event()

    async def gated(attempt: Any) -> Any:
        await gate.wait()
        return await attempt

    tasks = [asyncio.create_task(gated(attempt)) for attempt in attempts]
    await asyncio.sleep(0)
    gate.set()
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)


@pytest.mark.requirement("BR-05", "ST-01")
async def test_of_a_hundred_exchanges_of_a_gateway_code_one_succeeds(replicas_of_store: Sequence[Store]) -> None:
    keys, events = SealingKeys([generate_key()]), Events(Metrics())
    collections = [
        Collection(store, "auth-server:gateway-code", GatewayCode, MINUTE, keys) for store in replicas_of_store
    ]
    code = mint("gc")
    sign_in = SignIn("test", Secret("provider-access"), user={"sub": "alice"})
    await collections[0].put(code, GatewayCode(URI, None, sign_in))
    params = Params({"code": code, "gateway_uri": URI})

    flows = [ExchangeFlow(codes, Gateways({}, are_all=False), events) for codes in collections]
    answers = await at_once([flows[i % 2].redeem(params, None) for i in range(CALLERS)])

    assert [answer["user"] for answer in answers if isinstance(answer, dict)] == [{"sub": "alice"}]
    assert sum(isinstance(answer, InvalidGrant) for answer in answers) == CALLERS - 1


@pytest.mark.requirement("TK-01", "ST-01")
async def test_of_a_hundred_redemptions_of_a_code_one_succeeds_and_its_grant_ends(
    replicas_of_store: Sequence[Store],
) -> None:
    world = World(replicas_of_store[0])
    client = await world.register()
    form = client.code_form(await world.code(client))
    world.store = replicas_of_store[1]
    async with virtual_network({GATEWAY: world.replica()}) as elsewhere:
        answers = await at_once([_redeem((world.http, elsewhere)[i % 2], form) for i in range(CALLERS)])
    tokens = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(tokens) == 1
    assert {answer.json()["error"] for answer in answers if answer.status_code != 200} == {"invalid_grant"}
    refreshed = await world.token(client.refresh_form(tokens[0]["refresh_token"]))
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")


@pytest.mark.requirement("TK-02", "ST-01")
async def test_a_hundred_refreshes_at_once_all_get_the_same_successor(replicas_of_store: Sequence[Store]) -> None:
    world = World(replicas_of_store[0])
    client = await world.register()
    form = client.refresh_form((await world.tokens(client))["refresh_token"])
    world.store = replicas_of_store[1]
    async with virtual_network({GATEWAY: world.replica()}) as elsewhere:
        answers = await at_once([_redeem((world.http, elsewhere)[i % 2], form) for i in range(CALLERS)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


async def _redeem(http: httpx.AsyncClient, form: dict[str, str]) -> httpx.Response:
    return await http.post(f"{GATEWAY}/oauth/token", data=form)
