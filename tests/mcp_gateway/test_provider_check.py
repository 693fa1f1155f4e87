"""A refresh asks the provider, when its own tokens are due, whether it still accepts the person."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from authproxy_common.records import open_store
from authproxy_common.secret import Secret
from mcp_gateway.collections import Collections
from mcp_gateway.domain.grants import RefreshToken, Renewal
from tests.support.gateway import GATEWAY, World
from tests.support.network import virtual_network
from tests.support.unreliable_store import UnreliableStore

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TK-05")]

DUE = timedelta(seconds=3600)


async def test_the_provider_is_not_asked_before_its_tokens_are_due(world: World) -> None:
    client = await world.register()
    token = (await world.tokens(client))["refresh_token"]
    world.clock.advance(DUE - timedelta(seconds=1))
    assert (await world.token(client.refresh_form(token))).status_code == 200
    assert world.auth.refreshes == []


async def test_the_provider_is_asked_with_its_newest_refresh_token_each_time_that_it_is_due(world: World) -> None:
    client = await world.register()
    token = (await world.tokens(client))["refresh_token"]
    for _ in range(3):
        world.clock.advance(DUE)
        answer = await world.token(client.refresh_form(token))
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]
    assert world.auth.refreshes == ["provider-refresh", "provider-refresh-1", "provider-refresh-2"]


async def test_an_answer_without_a_refresh_token_keeps_the_old_one(world: World) -> None:
    client = await world.register()
    token = (await world.tokens(client))["refresh_token"]
    world.auth.refresh_answer = JSONResponse({"access_token": "new", "token_type": "Bearer", "provider": "test"})
    for _ in range(2):
        world.clock.advance(DUE)
        token = (await world.token(client.refresh_form(token))).json()["refresh_token"]
    assert world.auth.refreshes == ["provider-refresh", "provider-refresh"]


async def test_who_is_no_longer_accepted_loses_everything(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    world.auth.refresh_answer = JSONResponse({"error": "invalid_grant"}, 400)
    world.clock.advance(DUE)
    fresh = await world.tokens(client)
    for _ in range(2):
        answer = await world.token(client.refresh_form(tokens["refresh_token"]))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert len(world.auth.refreshes) == 1
    assert (await world.call(fresh["access_token"])).status_code == 200


FAILURES: list[Any] = [
    pytest.param(Response(status_code=503), 503, "temporarily_unavailable", id="the provider is down"),
    pytest.param(JSONResponse({"error": "invalid_request"}, 400), 500, "server_error", id="another refusal"),
    pytest.param(Response("<html>"), 500, "server_error", id="no JSON"),
    pytest.param(
        JSONResponse({"access_token": "x", "token_type": "Bearer", "user": {"sub": "mallory"}}),
        500,
        "server_error",
        id="somebody else",
    ),
]


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(("answered", "status", "error"), FAILURES)
async def test_a_provider_that_cannot_be_asked_uses_nothing_up(
    world: World, answered: Response, status: int, error: str
) -> None:
    client = await world.register()
    token = (await world.tokens(client))["refresh_token"]
    world.clock.advance(DUE)
    world.auth.refresh_answer = answered
    failed = await world.token(client.refresh_form(token))
    assert (failed.status_code, failed.json()["error"]) == (status, error)
    world.auth.refresh_answer, world.auth.refreshes = None, []
    world.clock.advance(timedelta(minutes=10))
    assert (await world.token(client.refresh_form(token))).status_code == 200
    assert world.auth.refreshes == ["provider-refresh"]


@pytest.mark.requirement("TK-02", "ST-01")
async def test_a_caller_who_read_the_grant_before_it_was_renewed_does_not_spend_the_old_token_again() -> None:
    store = UnreliableStore(open_store(Secret("memory://")))
    world = World(store)
    client = await world.register()
    form = client.refresh_form((await world.tokens(client))["refresh_token"])
    world.clock.advance(DUE)
    with store.delayed("mcp-gateway:grant:") as asked:
        late = asyncio.ensure_future(world.token(form))
        await asked.wait()
        assert (await world.token(form)).status_code == 200
    assert (await late).status_code == 200
    assert world.auth.refreshes == ["provider-refresh"]


@pytest.mark.requirement("TK-02", "ST-01")
@pytest.mark.parametrize(
    ("seconds", "status", "asked"),
    [
        pytest.param(14, 200, ["provider-refresh"], id="it died with its replica"),
        pytest.param(13, 503, [], id="it got no answer"),
    ],
)
async def test_who_waits_for_an_answer_asks_again_only_where_the_question_was_never_finished(
    seconds: int, status: int, asked: list[str]
) -> None:
    store = UnreliableStore(open_store(Secret("memory://")))
    world = World(store)
    client = await world.register()
    token = (await world.tokens(client))["refresh_token"]
    grant_id = RefreshToken.parse(token).grant_id
    world.clock.advance(DUE)
    renewals = Collections.of(world.settings, store, world.sealing_keys).renewals
    await renewals.claim(grant_id, Renewal(world.clock()))
    with store.delayed("mcp-gateway:renewal:") as waits:
        waiting = asyncio.ensure_future(world.token(client.refresh_form(token)))
        await waits.wait()
        world.clock.advance(timedelta(seconds=seconds))
        await renewals.take(grant_id)
    assert (await waiting).status_code == status
    assert world.auth.refreshes == asked


@pytest.mark.requirement("OP-04", "ST-01")
async def test_nobody_slips_past_a_question_that_gets_no_answer(world: World) -> None:
    client = await world.register()
    form = client.refresh_form((await world.tokens(client))["refresh_token"])
    world.clock.advance(DUE)
    world.auth.refresh_answer = Response(status_code=503)
    answers = await asyncio.gather(*(world.token(form) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {503}


@pytest.mark.requirement("TK-06")
async def test_a_grant_that_ends_while_the_provider_is_asked_leaves_no_token_of_it_alive(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    world.clock.advance(DUE)
    world.auth.before_refresh = lambda: world.http.post(
        f"{GATEWAY}/oauth/revoke", data={"token": tokens["refresh_token"], "client_id": client.client_id}
    )
    answer = await world.token(client.refresh_form(tokens["refresh_token"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert world.auth.signed_out == ["provider-refresh", "provider-refresh-1"]


@pytest.mark.parametrize("seconds", [2**31, 2**63, 10**30])
async def test_a_provider_whose_tokens_live_for_ever_signs_nobody_out(world: World, seconds: int) -> None:
    world.auth.expires_in = seconds
    client = await world.register()
    token = (await world.tokens(client))["refresh_token"]
    assert (await world.token(client.refresh_form(token))).status_code == 200


@pytest.mark.requirement("TK-02", "ST-01")
async def test_callers_at_two_replicas_ask_the_provider_once_and_all_stay_signed_in(world: World) -> None:
    client = await world.register()
    form = client.refresh_form((await world.tokens(client))["refresh_token"])
    world.clock.advance(DUE)
    async with virtual_network({GATEWAY: world.replica()}) as elsewhere:
        there = [elsewhere.post(f"{GATEWAY}/oauth/token", data=form) for _ in range(10)]
        answers = await asyncio.gather(*there, *(world.token(form) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert world.auth.refreshes == ["provider-refresh"]
