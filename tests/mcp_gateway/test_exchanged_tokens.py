"""`credentials: token_exchange`: the MCP server gets a token that the provider gave for it, in place of its own."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from structlog.testing import capture_logs

from authproxy_common.records import open_store
from authproxy_common.secret import Secret
from mcp_gateway.settings import ServerSettings
from mcp_gateway.settings.credentials import TokenExchangeSettings
from tests.support.gateway import GATEWAY, UPSTREAM, World
from tests.support.network import virtual_network
from tests.support.unreliable_store import UnreliableStore
from tests.support.watched_store import WatchedStore

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("UP-05")]

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def server(**target: str) -> ServerSettings:
    target = target or {"audience": "wiki"}
    return ServerSettings(
        url=f"{UPSTREAM}/mcp", credentials="token_exchange", token_exchange=TokenExchangeSettings(**target)
    )


def a_world(store: Any = None, **settings: Any) -> World:
    settings = {"servers": {"default": server()}, "access_token_ttl_seconds": 7200, **settings}
    settings |= {"external_auth_gateway_name": "mcp", "external_auth_gateway_secret": Secret("of-the-gateway")}
    return World(store, **settings)


@pytest.fixture
def world() -> World:
    return a_world()


def sent(world: World) -> list[str]:
    """The tokens that the MCP server got, call by call."""
    return [request.headers["authorization"].removeprefix("Bearer ") for request in world.upstream.received]


async def signed_in(world: World, **changed: Any) -> dict[str, Any]:
    return await world.tokens(await world.register(), **changed)


async def test_the_mcp_server_gets_a_token_of_its_own(world: World) -> None:
    tokens = await signed_in(world)
    for _ in range(3):
        assert (await world.call(tokens["access_token"])).status_code == 200
    assert sent(world) == ["exchanged-for-wiki-1"] * 3
    assert world.auth.token_exchanges == [{"subject_token": "provider-access", "provider": "test", "audience": "wiki"}]


@pytest.mark.parametrize(
    "target",
    [
        {"resource": "https://wiki.test/api"},
        {"scope": "api://wiki/.default"},
        {"audience": "wiki", "scope": "read write"},
    ],
)
async def test_the_service_is_named_as_it_is_configured(target: dict[str, str]) -> None:
    world = a_world(servers={"default": server(**target)})
    await world.call((await signed_in(world))["access_token"])
    assert world.auth.token_exchanges == [{"subject_token": "provider-access", "provider": "test", **target}]


async def test_it_is_exchanged_anew_a_minute_before_it_ends_and_for_the_providers_newest_token(world: World) -> None:
    tokens = await signed_in(world)
    await world.call(tokens["access_token"])
    world.clock.advance(HOUR - MINUTE - timedelta(seconds=1))
    await world.call(tokens["access_token"])
    assert len(world.auth.token_exchanges) == 1
    world.clock.advance(timedelta(seconds=1))
    await world.call(tokens["access_token"])
    assert [form["subject_token"] for form in world.auth.token_exchanges] == ["provider-access", "provider-access-1"]


async def test_every_replica_and_every_token_of_the_sign_in_uses_the_same_one(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    await world.call(tokens["access_token"])
    refreshed = (await world.token(client.refresh_form(tokens["refresh_token"]))).json()
    await world.call(refreshed["access_token"])
    async with virtual_network({GATEWAY: world.replica()}) as elsewhere:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await elsewhere.post(f"{GATEWAY}/mcp", json={"id": 1}, headers=headers)).status_code == 200
    assert sent(world) == ["exchanged-for-wiki-1"] * 3


async def test_two_people_and_two_servers_have_tokens_of_their_own() -> None:
    servers = {name: server(audience=name) for name in ("wiki", "payroll")}
    world = a_world(servers=servers)
    for person in ("alice", "bob"):
        world.auth.person = person
        for name in servers:
            tokens = await signed_in(world, resource=f"{GATEWAY}/{name}/mcp")
            assert (await world.call(tokens["access_token"], f"/{name}/mcp")).status_code == 200
    assert sent(world) == [
        "exchanged-for-wiki-1",
        "exchanged-for-payroll-2",
        "exchanged-for-wiki-3",
        "exchanged-for-payroll-4",
    ]


async def test_a_changed_configuration_does_not_use_what_was_exchanged_before() -> None:
    world = a_world()
    tokens = await signed_in(world)
    await world.call(tokens["access_token"])
    changed = a_world(world.store, servers={"default": server(audience="wiki", scope="read")})
    changed.auth, changed.sealing_keys, changed.signing_keys = world.auth, world.sealing_keys, world.signing_keys
    async with virtual_network({GATEWAY: changed.replica()}) as restarted:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await restarted.post(f"{GATEWAY}/mcp", json={"id": 1}, headers=headers)).status_code == 200
    assert sent(changed) == ["exchanged-for-wiki-2"]


async def test_a_server_that_is_for_another_provider_now_gets_nothing_of_the_one_before() -> None:
    world = a_world(servers={"default": server(audience="wiki", provider="test")}, external_auth_provider="")
    tokens = await signed_in(world)
    await world.call(tokens["access_token"])
    elsewhere = {"default": server(audience="wiki", provider="another")}
    changed = a_world(world.store, servers=elsewhere, external_auth_provider="")
    changed.auth, changed.sealing_keys, changed.signing_keys = world.auth, world.sealing_keys, world.signing_keys
    async with virtual_network({GATEWAY: changed.replica()}) as restarted:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await restarted.post(f"{GATEWAY}/mcp", json={"id": 1}, headers=headers)).status_code == 403
    assert sent(changed) == []


async def test_no_call_reads_the_store_or_asks_anybody_again() -> None:
    store = WatchedStore(open_store(Secret("memory://")))
    world = a_world(store)
    tokens = await signed_in(world)
    await world.call(tokens["access_token"])
    store.commands.clear()
    for _ in range(20):
        assert (await world.call(tokens["access_token"])).status_code == 200
    assert (store.commands, len(world.auth.token_exchanges)) == ([], 1)


async def test_callers_at_the_same_time_wait_for_one_exchange(world: World) -> None:
    tokens = await signed_in(world)
    answers = await asyncio.gather(*(world.call(tokens["access_token"]) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(world.auth.token_exchanges) == 1


@pytest.mark.requirement("UP-05", "ST-03", "OP-02")
async def test_it_is_kept_sealed_and_is_in_no_log() -> None:
    store = WatchedStore(open_store(Secret("memory://")))
    world = a_world(store)
    with capture_logs() as lines:
        await world.call((await signed_in(world))["access_token"])
    [put] = [command for command in store.commands if "exchanged-token" in command and command.startswith("put")]
    value = await store.get(put.removeprefix("put "))
    assert value
    for secret in ("exchanged-for-wiki-1", "provider-access"):
        assert secret.encode() not in value
        assert secret not in str(lines)


@pytest.mark.requirement("UP-05", "ST-05")
async def test_a_store_that_fails_costs_an_exchange_and_no_call() -> None:
    store = UnreliableStore(open_store(Secret("memory://")))
    world = a_world(store)
    tokens = await signed_in(world)
    store.lose("mcp-gateway:exchanged-token:")
    assert (await world.call(tokens["access_token"])).status_code == 200
    assert sent(world) == ["exchanged-for-wiki-1"]


async def test_who_the_provider_gives_none_is_denied_and_not_asked_to_sign_in(world: World) -> None:
    tokens = await signed_in(world)
    world.auth.token_exchange_answer = JSONResponse({"error": "access_denied"}, 403)
    for _ in range(5):
        answer = await world.call(tokens["access_token"])
        assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
        assert "www-authenticate" not in answer.headers
    assert len(world.auth.token_exchanges) == 1
    assert world.upstream.received == []
    world.auth.token_exchange_answer = None
    world.clock.advance(timedelta(seconds=30))
    assert (await world.call(tokens["access_token"])).status_code == 200


async def test_a_token_that_the_provider_does_not_exchange_is_renewed_first(world: World) -> None:
    tokens = await signed_in(world)
    world.auth.refreshes.append("of another client of this person")
    assert (await world.call(tokens["access_token"])).status_code == 200
    assert [form["subject_token"] for form in world.auth.token_exchanges] == ["provider-access", "provider-access-2"]


async def test_a_person_whose_fresh_token_is_not_exchanged_either_is_denied_once_a_while(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    world.auth.token_exchange_answer = JSONResponse({"error": "invalid_grant"}, 400)
    for _ in range(5):
        assert (await world.call(tokens["access_token"])).status_code == 403
    assert (len(world.auth.token_exchanges), len(world.auth.refreshes)) == (2, 1)
    # Signing in again would end here too.
    assert (await world.token(client.refresh_form(tokens["refresh_token"]))).status_code == 200


async def test_who_the_provider_no_longer_accepts_has_to_sign_in_again(world: World) -> None:
    tokens = await signed_in(world)
    world.auth.token_exchange_answer = JSONResponse({"error": "invalid_grant"}, 400)
    world.auth.refresh_answer = JSONResponse({"error": "invalid_grant"}, 400)
    answer = await world.call(tokens["access_token"])
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert world.upstream.received == []


OUTAGES = [
    pytest.param(Response(status_code=503), 503, "temporarily_unavailable", id="the auth server is down"),
    pytest.param(JSONResponse({"error": "invalid_target"}, 400), 500, "server_error", id="it does not allow it"),
    pytest.param(JSONResponse({"error": "not_found"}, 404), 500, "server_error", id="it does not know of it"),
    pytest.param(JSONResponse({"error": "invalid_client"}, 401), 500, "server_error", id="it does not know us"),
    pytest.param(Response("<html>"), 500, "server_error", id="it answers nonsense"),
]


@pytest.mark.requirement("UP-05", "OP-04")
@pytest.mark.parametrize(("answered", "status", "error"), OUTAGES)
async def test_an_auth_server_that_exchanges_nothing_signs_nobody_out(
    world: World, answered: Response, status: int, error: str
) -> None:
    tokens = await signed_in(world)
    world.auth.token_exchange_answer = answered
    answer = await world.call(tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "www-authenticate" not in answer.headers
    assert ("retry-after" in answer.headers) == (status == 503)
    assert world.upstream.received == []
    world.auth.token_exchange_answer = None
    assert (await world.call(tokens["access_token"])).status_code == 200


async def test_a_token_that_the_mcp_server_refuses_is_exchanged_once_more(world: World) -> None:
    tokens = await signed_in(world)

    async def takes_the_second(request: Request) -> Response:
        world.upstream.received.append(request)
        is_good = request.headers["authorization"] == "Bearer exchanged-for-wiki-2"
        return JSONResponse({}) if is_good else Response(status_code=401)

    world.upstream.answer = takes_the_second
    assert (await world.call(tokens["access_token"])).status_code == 200
    assert (await world.call(tokens["access_token"])).status_code == 200
    assert sent(world) == ["exchanged-for-wiki-1", "exchanged-for-wiki-2", "exchanged-for-wiki-2"]


async def test_an_mcp_server_that_takes_none_has_no_more_asked_for_than_one_a_minute(world: World) -> None:
    tokens = await signed_in(world)
    world.upstream.status = 401
    for _ in range(5):
        answer = await world.call(tokens["access_token"])
        assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")
    assert len(world.auth.token_exchanges) == 2


async def test_a_token_whose_life_nobody_tells_is_exchanged_anew_after_some_minutes(world: World) -> None:
    tokens = await signed_in(world)
    world.auth.token_exchange_answer = JSONResponse({"access_token": "short", "token_type": "Bearer"})
    await world.call(tokens["access_token"])
    world.clock.advance(timedelta(minutes=4) - timedelta(seconds=1))
    await world.call(tokens["access_token"])
    assert len(world.auth.token_exchanges) == 1
    world.clock.advance(timedelta(seconds=1))
    await world.call(tokens["access_token"])
    assert len(world.auth.token_exchanges) == 2


async def test_people_of_another_provider_have_nothing_exchanged() -> None:
    settings = ServerSettings(
        url=f"{UPSTREAM}/mcp",
        credentials="token_exchange",
        token_exchange=TokenExchangeSettings(provider="azure", audience="wiki"),
    )
    world = a_world(servers={"default": settings}, external_auth_provider="")
    answer = await world.call((await signed_in(world))["access_token"])
    assert (answer.status_code, world.auth.token_exchanges) == (403, [])


@pytest.mark.requirement("UP-05", "RS-01")
async def test_in_passthrough_the_mcp_server_gets_another_token_than_the_client_has() -> None:
    world = a_world(token_mode="passthrough")
    tokens = await signed_in(world)
    assert tokens["access_token"] == "provider-access"
    assert (await world.call(tokens["access_token"])).status_code == 200
    assert sent(world) == ["exchanged-for-wiki-1"]
