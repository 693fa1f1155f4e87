"""The token endpoint: codes, refresh tokens, and what each refusal looks like."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt

from mcp_gateway.settings import ServerSettings
from tests.support.gateway import GATEWAY, UPSTREAM, World
from tests.support.network import virtual_network

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("TK-03", "TK-04")
async def test_a_code_becomes_tokens_that_nobody_stores(world: World) -> None:
    client = await world.register()
    answer = await world.token(client.code_form(await world.code(client)))
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "mcp")
    assert body["refresh_token"].startswith("rt_")
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


@pytest.mark.requirement("TK-04", "AZ-03")
async def test_an_access_token_has_the_claims_of_rfc_9068(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    token = jwt.decode(tokens["access_token"], world.signing_keys.ring, algorithms=["ES256"])
    now = int(world.clock().timestamp())
    expected: dict[str, object] = {
        "iss": GATEWAY,
        "sub": "test:alice",
        "aud": f"{GATEWAY}/mcp",
        "client_id": client.client_id,
    }
    expected |= {"scope": "mcp", "iat": now, "exp": now + 600}
    assert expected.items() <= token.claims.items()
    assert token.header["typ"] == "at+jwt"
    again = jwt.decode((await world.tokens(client))["access_token"], world.signing_keys.ring, algorithms=["ES256"])
    assert token.claims["jti"] != again.claims["jti"]


@pytest.mark.requirement("OP-02")
async def test_no_token_of_the_provider_is_in_what_the_client_holds(world: World) -> None:
    tokens = await world.tokens(await world.register())
    assert "provider-" not in str(tokens)
    payload = tokens["access_token"].split(".")[1]
    assert b"provider-" not in base64.urlsafe_b64decode(payload + "==")


@pytest.mark.requirement("TK-01")
async def test_a_code_used_twice_ends_what_the_first_use_got(world: World) -> None:
    client = await world.register()
    form = client.code_form(await world.code(client))
    tokens = (await world.token(form)).json()
    second = await world.token(form)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    refreshed = await world.token(client.refresh_form(tokens["refresh_token"]))
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")


@pytest.mark.requirement("TK-01")
async def test_an_attempt_that_fails_uses_the_code_up(world: World) -> None:
    client = await world.register()
    form = client.code_form(await world.code(client))
    assert (await world.token({**form, "code_verifier": "y" * 64})).status_code == 400
    assert (await world.token(form)).json()["error"] == "invalid_grant"


REFUSED: list[Any] = [
    pytest.param({"grant_type": None}, 400, "invalid_request", id="no grant_type"),
    pytest.param({"grant_type": "password"}, 400, "unsupported_grant_type", id="unknown grant_type"),
    pytest.param({"code": None}, 400, "invalid_request", id="no code"),
    pytest.param({"code": "ac_unknown"}, 400, "invalid_grant", id="unknown code"),
    pytest.param({"code_verifier": None}, 400, "invalid_grant", id="no verifier"),
    pytest.param({"redirect_uri": None}, 400, "invalid_grant", id="no redirect_uri"),
    pytest.param({"resource": "https://other.test/mcp"}, 400, "invalid_target", id="another resource"),
    pytest.param({"client_id": None}, 401, "invalid_client", id="no client"),
    pytest.param({"client_id": "reg_unknown"}, 401, "invalid_client", id="unknown client"),
    pytest.param({"client_secret": "guess"}, 401, "invalid_client", id="a secret that was never given"),
]


@pytest.mark.requirement("TK-01", "TK-03")
@pytest.mark.parametrize(("changed", "status", "error"), REFUSED)
async def test_a_bad_token_request_is_refused(
    world: World, changed: dict[str, str | None], status: int, error: str
) -> None:
    client = await world.register()
    answer = await world.token(client.code_form(await world.code(client), **changed))
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "access_token" not in body
    assert ("www-authenticate" in answer.headers) is (status == 401)


@pytest.mark.requirement("AZ-08", "TK-03")
async def test_a_repeated_parameter_of_the_form_is_refused(world: World) -> None:
    client = await world.register()
    body = "&".join(f"{n}={v}" for n, v in client.code_form("ac_x").items()) + "&code=ac_y"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await world.http.post(f"{GATEWAY}/oauth/token", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.requirement("TK-03")
async def test_the_token_endpoint_takes_forms_alone(world: World) -> None:
    client = await world.register()
    answer = await world.http.post(f"{GATEWAY}/oauth/token", json=client.code_form(await world.code(client)))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.requirement("CL-04")
async def test_a_public_client_may_name_itself_by_http_basic(world: World) -> None:
    client = await world.register()
    form = client.code_form(await world.code(client), client_id=None)
    answer = await world.token(form, auth=(client.client_id, ""))
    assert answer.status_code == 200
    differently = await world.token(client.code_form("ac_x"), auth=("reg_other", ""))
    assert (differently.status_code, differently.json()["error"]) == (401, "invalid_client")


@pytest.mark.requirement("TK-02")
async def test_a_refresh_gives_new_tokens_that_work(world: World) -> None:
    client = await world.register()
    first = await world.tokens(client)
    second = (await world.token(client.refresh_form(first["refresh_token"]))).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert (await world.call(second["access_token"])).status_code == 200
    assert (await world.token(client.refresh_form(second["refresh_token"]))).status_code == 200


@pytest.mark.requirement("TK-02")
async def test_a_retried_refresh_gets_the_same_successor(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    form = client.refresh_form(tokens["refresh_token"])
    first = await world.token(form)
    world.clock.advance(timedelta(seconds=59))
    retried = await world.token(form)
    assert first.json()["refresh_token"] == retried.json()["refresh_token"]


@pytest.mark.requirement("TK-02", "ST-04")
async def test_callers_who_refresh_at_once_at_two_replicas_get_the_same_successor(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    other = virtual_network({GATEWAY: world.replica()})
    form = client.refresh_form(tokens["refresh_token"])
    here = [world.token(form) for _ in range(5)]
    there = [other.post(f"{GATEWAY}/oauth/token", data=form) for _ in range(5)]
    answers = await asyncio.gather(*here, *there)
    assert [answer.status_code for answer in answers] == [200] * 10
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    await other.aclose()


@pytest.mark.requirement("TK-02")
async def test_a_superseded_refresh_token_ends_the_grant(world: World) -> None:
    client = await world.register()
    first = await world.tokens(client)
    second = (await world.token(client.refresh_form(first["refresh_token"]))).json()
    world.clock.advance(timedelta(seconds=61))
    stolen = await world.token(client.refresh_form(first["refresh_token"]))
    honest = await world.token(client.refresh_form(second["refresh_token"]))
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (honest.status_code, honest.json()["error"]) == (400, "invalid_grant")


@pytest.mark.requirement("TK-02", "ST-03")
async def test_a_refresh_token_cannot_be_made_up(world: World) -> None:
    client = await world.register()
    token = (await world.tokens(client))["refresh_token"]
    grant, _, mac = token.split(".")
    made_up = [f"{grant}.1.{mac}", f"{grant}.0.{'A' * 43}", token[:-1], token + "A", "rt_", f"rt_{'A' * 43}.0.{mac}"]
    for value in made_up:
        answer = await world.token(client.refresh_form(value))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await world.token(client.refresh_form(token))).status_code == 200


@pytest.mark.requirement("TK-02", "RS-05")
async def test_a_refresh_may_narrow_the_scope_of_one_access_token() -> None:
    servers = {"default": ServerSettings(url=f"{UPSTREAM}/mcp", scopes={"read": "Read", "write": "Write"})}
    world = World(servers=servers)
    client = await world.register()
    granted = await world.tokens(client)
    narrow = (await world.token(client.refresh_form(granted["refresh_token"], scope="read"))).json()
    whole = (await world.token(client.refresh_form(narrow["refresh_token"]))).json()
    assert [tokens["scope"] for tokens in (granted, narrow, whole)] == ["read write", "read", "read write"]
    assert (await world.call(narrow["access_token"])).status_code == 403
    assert (await world.call(whole["access_token"])).status_code == 200


@pytest.mark.requirement("TK-02")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({"scope": "mcp admin"}, "invalid_scope", id="more scope"),
        pytest.param({"resource": "https://other.test/mcp"}, "invalid_target", id="another resource"),
    ],
)
async def test_a_refresh_widens_nothing(world: World, changed: dict[str, str], error: str) -> None:
    client = await world.register()
    token = (await world.tokens(client))["refresh_token"]
    answer = await world.token(client.refresh_form(token, **changed))
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.requirement("TK-02", "CL-03")
async def test_a_client_that_did_not_register_for_refresh_tokens_gets_none(world: World) -> None:
    client = await world.register(grant_types=["authorization_code"])
    assert "refresh_token" not in await world.tokens(client)
    answer = await world.token(client.refresh_form("rt_x"))
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.requirement("TK-01", "ST-04", "CL-07")
async def test_what_one_replica_began_another_finishes(world: World) -> None:
    client = await world.register()
    code = await world.code(client)
    async with virtual_network({GATEWAY: world.replica()}) as other:
        answer = await other.post(f"{GATEWAY}/oauth/token", data=client.code_form(code))
    assert answer.status_code == 200
