"""Tokens and codes in the wrong hands. Each test here guards a line of `mutations.py`, and fails without it."""

import pytest

from mcp_gateway.settings import ServerSettings
from tests.support.gateway import GATEWAY, UPSTREAM, World

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("TK-01", "AZ-02")
async def test_a_stolen_code_is_worthless_without_its_verifier(world: World) -> None:
    client = await world.register()
    answer = await world.token(client.code_form(await world.code(client), code_verifier="x" * 64))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "access_token" not in answer.text


@pytest.mark.requirement("TK-01")
async def test_a_code_is_worthless_to_another_client(world: World) -> None:
    client, thief = await world.register(), await world.register(client_name="Thief")
    answer = await world.token(client.code_form(await world.code(client), client_id=thief.client_id))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.requirement("TK-01")
async def test_a_code_needs_the_redirect_uri_that_it_was_sent_to(world: World) -> None:
    other = "http://127.0.0.1:7777/other"
    client = await world.register(redirect_uris=["http://127.0.0.1:7777/callback", other])
    answer = await world.token(client.code_form(await world.code(client), redirect_uri=other))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.requirement("TK-02")
async def test_a_refresh_token_is_worthless_to_another_client(world: World) -> None:
    client, thief = await world.register(), await world.register(client_name="Thief")
    tokens = await world.tokens(client)
    answer = await world.token(thief.refresh_form(tokens["refresh_token"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await world.token(client.refresh_form(tokens["refresh_token"]))).status_code == 200


@pytest.mark.requirement("RS-01", "AZ-03")
async def test_a_token_for_one_mcp_server_opens_no_other() -> None:
    servers = {name: ServerSettings(url=f"{UPSTREAM}/mcp") for name in ("default", "payroll")}
    world = World(servers=servers)
    tokens = await world.tokens(await world.register())
    answer = await world.call(tokens["access_token"], "/payroll/mcp")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert f"{GATEWAY}/.well-known/oauth-protected-resource/payroll/mcp" in answer.headers["www-authenticate"]
    assert world.upstream.received == []


@pytest.mark.requirement("RS-05")
async def test_a_token_without_the_scope_of_the_call_is_told_which_to_ask_for() -> None:
    scopes = {"read": "Read", "write": "Write"}
    servers = {"default": ServerSettings(url=f"{UPSTREAM}/mcp", scopes=scopes, required_scopes=("write",))}
    world = World(servers=servers)
    tokens = await world.tokens(await world.register(), scope="read")
    answer = await world.call(tokens["access_token"])
    assert (tokens["scope"], answer.status_code) == ("read", 403)
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert 'scope="write"' in answer.headers["www-authenticate"]
    assert world.upstream.received == []


FORGED = {
    "Cookie": "session=1",
    "X-Forwarded-User": "test:root",
    "X-Forwarded-Email": "root@example.com",
    "X-Forwarded-For": "10.0.0.1",
    "X-Real-IP": "10.0.0.1",
    "Forwarded": "for=10.0.0.1",
    "Proxy-Authorization": "Basic eA==",
    "TE": "trailers",
    "X-Internal": "yes",
}


@pytest.mark.requirement("RS-03")
async def test_no_credential_or_claimed_identity_of_the_client_reaches_the_mcp_server(world: World) -> None:
    tokens = await world.tokens(await world.register())
    answer = await world.call(tokens["access_token"], headers={**FORGED, "Mcp-Session-Id": "s-1", "Mcp-Param-X": "1"})
    got = world.upstream.received[0].headers
    assert answer.status_code == 200
    assert got["x-forwarded-user"] == "test:alice"
    assert {name.lower() for name in FORGED} & set(got) == {"x-forwarded-user"}
    assert "authorization" not in got
    assert (got["mcp-session-id"], got["mcp-param-x"]) == ("s-1", "1")
    assert tokens["access_token"] not in str(got.raw)
