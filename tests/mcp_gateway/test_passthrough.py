"""`token_mode: passthrough`: clients hold the provider's own tokens, and what can be checked of those is."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from mcp_gateway.settings import ServerSettings
from tests.support.gateway import GATEWAY, UPSTREAM, World

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-01")]

PROVIDERS_TOKEN = "provider-access"


@pytest.fixture
def world() -> World:
    return World(token_mode="passthrough")


async def test_a_client_gets_the_providers_token_for_what_is_left_of_its_life(world: World) -> None:
    client = await world.register()
    code = await world.code(client)
    answer = (await world.token(client.code_form(code))).json()
    assert (answer["access_token"], answer["expires_in"], answer["scope"]) == (PROVIDERS_TOKEN, 3600, "mcp")
    world.clock.advance(timedelta(minutes=10))
    refreshed = (await world.token(client.refresh_form(answer["refresh_token"]))).json()
    assert (refreshed["access_token"], refreshed["expires_in"]) == (PROVIDERS_TOKEN, 3000)
    assert world.auth.refreshes == []


async def test_its_call_passes_with_who_it_is_and_without_the_token(world: World) -> None:
    token = (await world.tokens(await world.register()))["access_token"]
    assert (await world.call(token)).status_code == 200
    headers = world.upstream.received[0].headers
    assert headers["x-forwarded-user"] == "test:alice"
    assert "authorization" not in headers


async def test_the_auth_server_is_asked_every_ten_seconds_and_not_for_every_call(world: World) -> None:
    token = (await world.tokens(await world.register()))["access_token"]
    for _ in range(5):
        assert (await world.call(token)).status_code == 200
    assert world.auth.validations == [PROVIDERS_TOKEN]
    world.clock.advance(timedelta(seconds=10))
    assert (await world.call(token)).status_code == 200
    assert len(world.auth.validations) == 2
    world.auth.accepts = False
    world.clock.advance(timedelta(seconds=10))
    assert (await world.call(token)).status_code == 401


@pytest.mark.requirement("RS-01", "RS-02")
async def test_a_token_that_the_provider_made_for_somebody_else_is_not_taken(world: World) -> None:
    await world.tokens(await world.register())
    refused = await world.call("provider-access-of-another-application")
    assert refused.status_code == 401
    assert (world.auth.validations, world.upstream.received) == ([], [])


@pytest.mark.requirement("AZ-03")
async def test_a_token_is_for_the_server_that_it_was_handed_on_for() -> None:
    servers = {name: ServerSettings(url=f"{UPSTREAM}/mcp") for name in ("default", "wiki")}
    world = World(token_mode="passthrough", servers=servers)
    token = (await world.tokens(await world.register(), resource=f"{GATEWAY}/mcp"))["access_token"]
    assert (await world.call(token)).status_code == 200
    assert (await world.call(token, "/wiki/mcp")).status_code == 401


@pytest.mark.requirement("RS-05")
async def test_a_token_has_the_scopes_that_were_granted() -> None:
    scopes: dict[str, Any] = {"read": "Read", "write": "Write"}
    server = ServerSettings(url=f"{UPSTREAM}/mcp", scopes=scopes, required_scopes=("write",))
    world = World(token_mode="passthrough", servers={"default": server})
    token = (await world.tokens(await world.register(), scope="read"))["access_token"]
    answer = await world.call(token)
    assert (answer.status_code, 'error="insufficient_scope"' in answer.headers["www-authenticate"]) == (403, True)


@pytest.mark.requirement("TK-06")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_revoking_either_token_ends_both(world: World, kind: str) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    assert (await world.call(tokens["access_token"])).status_code == 200
    form = {"token": tokens[kind], "client_id": client.client_id}
    assert (await world.http.post(f"{GATEWAY}/oauth/revoke", data=form)).status_code == 200
    world.clock.advance(timedelta(seconds=2))
    assert (await world.call(tokens["access_token"])).status_code == 401
    assert (await world.token(client.refresh_form(tokens["refresh_token"]))).status_code == 400
    assert len(world.auth.signed_out) == 1


@pytest.mark.requirement("TK-05")
async def test_a_refresh_shortly_before_the_end_gets_the_providers_next_token(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    world.clock.advance(timedelta(minutes=59))
    answer = (await world.token(client.refresh_form(tokens["refresh_token"]))).json()
    assert answer["expires_in"] == 3600
    assert world.auth.refreshes == ["provider-refresh"]


@pytest.mark.requirement("TK-05")
async def test_without_a_way_to_renew_it_the_grant_ends_with_the_providers_token(world: World) -> None:
    client = await world.register()
    world.auth.has_refresh_tokens = False
    tokens = await world.tokens(client)
    world.clock.advance(timedelta(hours=1))
    answer = await world.token(client.refresh_form(tokens["refresh_token"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


OUTAGES = [Response(status_code=503), Response("<html>"), JSONResponse({"active": True, "user": {}})]


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(("answer", "status"), [*zip(OUTAGES, (503, 500, 500), strict=True)])
async def test_an_auth_server_that_cannot_say_is_no_refusal_of_the_token(
    world: World, answer: Response, status: int
) -> None:
    token = (await world.tokens(await world.register()))["access_token"]
    world.auth.validate_answer = answer
    refused = await world.call(token)
    assert (refused.status_code, world.upstream.received) == (status, [])
    assert "www-authenticate" not in refused.headers
    world.auth.validate_answer = None
    assert (await world.call(token)).status_code == 200
