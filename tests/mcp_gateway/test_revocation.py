"""A grant that ends: its tokens stop working at every replica within two seconds, and nobody else's do."""

import asyncio
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from starlette.responses import JSONResponse, Response

from authproxy_common.records import open_store
from authproxy_common.secret import Secret
from tests.support.gateway import GATEWAY, World
from tests.support.network import virtual_network
from tests.support.unreliable_store import UnreliableStore

pytestmark = pytest.mark.anyio

WITHIN = timedelta(seconds=2)


async def revoke(world: World, form: dict[str, str]) -> httpx.Response:
    return await world.http.post(f"{GATEWAY}/oauth/revoke", data=form)


@pytest.mark.requirement("TK-06")
@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
async def test_any_token_of_a_grant_ends_it_here_at_other_replicas_and_at_the_provider(world: World, kind: str) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    async with virtual_network({GATEWAY: world.replica()}) as elsewhere:
        for http in (world.http, elsewhere):
            assert (await call(http, tokens)).status_code == 200
        answer = await revoke(world, {"token": tokens[kind], "client_id": client.client_id})
        assert (answer.status_code, answer.content) == (200, b"")
        world.clock.advance(WITHIN)
        for http in (world.http, elsewhere):
            refused = await call(http, tokens)
            assert refused.status_code == 401
            assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    refreshed = await world.token(client.refresh_form(tokens["refresh_token"]))
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")
    tokens_given_back = ["provider-refresh", "provider-access"]
    assert world.auth.revoked == [{"token": token, "provider": "test"} for token in tokens_given_back]


@pytest.mark.requirement("TK-01", "TK-06")
async def test_a_replayed_code_ends_the_access_token_that_the_first_use_got(world: World) -> None:
    client = await world.register()
    form = client.code_form(await world.code(client))
    tokens = (await world.token(form)).json()
    assert (await call(world.http, tokens)).status_code == 200
    assert (await world.token(form)).status_code == 400
    world.clock.advance(WITHIN)
    assert (await call(world.http, tokens)).status_code == 401


@pytest.mark.requirement("TK-02", "TK-06")
async def test_a_replayed_refresh_token_ends_the_access_tokens_of_its_grant(world: World) -> None:
    client = await world.register()
    first = await world.tokens(client)
    second = (await world.token(client.refresh_form(first["refresh_token"]))).json()
    world.clock.advance(timedelta(seconds=61))
    assert (await call(world.http, second)).status_code == 200
    assert (await world.token(client.refresh_form(first["refresh_token"]))).status_code == 400
    world.clock.advance(WITHIN)
    assert (await call(world.http, second)).status_code == 401


@pytest.mark.requirement("TK-06")
async def test_everybody_else_stays_signed_in(world: World) -> None:
    client = await world.register()
    mine, theirs = await world.tokens(client), await world.tokens(client)
    await revoke(world, {"token": mine["refresh_token"], "client_id": client.client_id})
    world.clock.advance(WITHIN)
    assert (await call(world.http, theirs)).status_code == 200
    assert (await world.token(client.refresh_form(theirs["refresh_token"]))).status_code == 200


@pytest.mark.requirement("TK-06")
async def test_another_client_cannot_end_a_grant(world: World) -> None:
    client, thief = await world.register(), await world.register(client_name="Thief")
    tokens = await world.tokens(client)
    answer = await revoke(world, {"token": tokens["refresh_token"], "client_id": thief.client_id})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    world.clock.advance(WITHIN)
    assert (await call(world.http, tokens)).status_code == 200
    assert world.auth.revoked == []


REQUESTS: list[Any] = [
    pytest.param({"token": "unknown"}, 200, None, id="a token of nobody"),
    pytest.param({"token": "rt_" + "A" * 43 + ".0." + "A" * 43}, 200, None, id="a refresh token made up"),
    pytest.param({}, 400, "invalid_request", id="no token"),
    pytest.param({"token": "x", "client_id": "reg_unknown"}, 401, "invalid_client", id="an unknown client"),
]


@pytest.mark.requirement("TK-06", "TK-03")
@pytest.mark.parametrize(("form", "status", "error"), REQUESTS)
async def test_a_request_that_ends_nothing(world: World, form: dict[str, str], status: int, error: str | None) -> None:
    client = await world.register()
    answer = await revoke(world, {"client_id": client.client_id, **form})
    assert answer.status_code == status
    assert (answer.json()["error"] if answer.content else None) == error


@pytest.mark.requirement("TK-06", "OP-04")
@pytest.mark.parametrize(
    "auth_server_answers",
    [
        pytest.param(JSONResponse({}, 503), id="unavailable"),
        pytest.param(JSONResponse({"error": "invalid_client"}, 401), id="does not know us"),
    ],
)
async def test_an_auth_server_that_does_not_revoke_does_not_keep_a_grant_alive(
    world: World, auth_server_answers: Response
) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    world.auth.revoke_answer = auth_server_answers
    answer = await revoke(world, {"token": tokens["refresh_token"], "client_id": client.client_id})
    assert (answer.status_code, len(world.auth.signed_out)) == (200, 1)
    world.clock.advance(WITHIN)
    assert (await call(world.http, tokens)).status_code == 401


@pytest.mark.requirement("TK-06", "ST-05")
async def test_while_the_store_is_down_a_token_that_was_seen_is_good_and_another_is_told_to_wait() -> None:
    store = UnreliableStore(open_store(Secret("memory://")))
    world = World(store)
    seen, unseen = await world.tokens(await world.register()), await world.tokens(await world.register())
    assert (await call(world.http, seen)).status_code == 200
    store.hang()
    world.clock.advance(WITHIN)
    with anyio.fail_after(5):
        assert (await call(world.http, seen)).status_code == 200
        waits = await call(world.http, unseen)
        assert (waits.status_code, waits.json()["error"]) == (503, "temporarily_unavailable")
        assert int(waits.headers["retry-after"]) > 0
    store.recover()
    assert (await call(world.http, unseen)).status_code == 200


@pytest.mark.requirement("TK-06", "ST-05")
async def test_an_outage_does_not_bring_the_token_of_an_ended_grant_back() -> None:
    store = UnreliableStore(open_store(Secret("memory://")))
    world = World(store)
    client = await world.register()
    tokens = await world.tokens(client)
    await revoke(world, {"token": tokens["refresh_token"], "client_id": client.client_id})
    assert (await call(world.http, tokens)).status_code == 401
    store.hang()
    assert (await call(world.http, tokens)).status_code == 503
    store.recover()
    assert (await call(world.http, tokens)).status_code == 401


@pytest.mark.requirement("TK-06", "ST-05")
@pytest.mark.parametrize("failing", ["mcp-gateway:epoch:", "mcp-gateway:grant:"])
async def test_an_end_that_was_interrupted_is_finished_by_asking_again(failing: str) -> None:
    store = UnreliableStore(open_store(Secret("memory://")))
    world = World(store)
    client = await world.register()
    tokens = await world.tokens(client)
    assert (await call(world.http, tokens)).status_code == 200
    form = {"token": tokens["refresh_token"], "client_id": client.client_id}
    store.fail_writes_below(failing)
    assert (await revoke(world, form)).status_code == 503
    store.recover()
    assert (await revoke(world, form)).status_code == 200
    world.clock.advance(WITHIN)
    assert (await call(world.http, tokens)).status_code == 401
    assert len(world.auth.signed_out) == 1


@pytest.mark.requirement("TK-06")
async def test_a_clock_that_is_set_back_does_not_keep_an_ended_grant_alive(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    assert (await call(world.http, tokens)).status_code == 200
    world.clock.advance(timedelta(seconds=-300))
    await revoke(world, {"token": tokens["refresh_token"], "client_id": client.client_id})
    assert (await call(world.http, tokens)).status_code == 401


@pytest.mark.requirement("TK-06", "ST-01")
async def test_a_grant_that_ends_while_its_token_is_looked_up_is_not_remembered_as_good() -> None:
    store = UnreliableStore(open_store(Secret("memory://")))
    world = World(store)
    client = await world.register()
    tokens, others = await world.tokens(client), await world.tokens(client)
    assert (await call(world.http, others)).status_code == 200
    with store.delayed("mcp-gateway:ended:") as asked:
        looking = asyncio.ensure_future(call(world.http, tokens))
        await asked.wait()
        await revoke(world, {"token": tokens["refresh_token"], "client_id": client.client_id})
        world.clock.advance(WITHIN)
        assert (await call(world.http, others)).status_code == 200
    await looking
    world.clock.advance(WITHIN)
    assert (await call(world.http, tokens)).status_code == 401


async def call(http: httpx.AsyncClient, tokens: dict[str, Any]) -> httpx.Response:
    return await http.post(f"{GATEWAY}/mcp", json={}, headers={"Authorization": f"Bearer {tokens['access_token']}"})
