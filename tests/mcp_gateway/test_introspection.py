"""Introspection: who may ask, about what, and what is said."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from authproxy_common.secret import Secret
from mcp_gateway.settings import ClientSettings
from tests.support.client_assertions import assertion_form, client_key, jwks_of
from tests.support.gateway import GATEWAY, REDIRECT_URI, ClientApp, World

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TK-07")]

SECRET = "the secret of a resource server"
URL_ID, KEY = "https://editor.example/client.json", client_key()


@pytest.fixture
def world() -> World:
    resource_server = ClientSettings(
        grant_types=(), token_endpoint_auth_method="client_secret_basic", client_secret=Secret(SECRET)
    )
    made = World(clients={"resource-server": resource_server})
    document = {"client_id": URL_ID, "client_name": "Editor", "redirect_uris": [REDIRECT_URI], "jwks": jwks_of(KEY)}
    made.published.publish(URL_ID, {**document, "token_endpoint_auth_method": "private_key_jwt"})
    return made


def proof(world: World) -> dict[str, str]:
    """By which the client with a metadata document authenticates, once."""
    return {"client_id": URL_ID, **assertion_form(URL_ID, GATEWAY, world.clock(), KEY)}


async def introspect(world: World, token: str, **options: Any) -> httpx.Response:
    """As the resource server, unless told otherwise."""
    given = {"auth": ("resource-server", SECRET), **options}
    return await world.http.post(f"{GATEWAY}/oauth/introspect", data={"token": token, **given.pop("data", {})}, **given)


async def said(world: World, token: str) -> dict[str, Any]:
    answer = await introspect(world, token)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    body: dict[str, Any] = answer.json()
    return body


async def test_a_resource_server_learns_what_an_access_token_is_good_for(world: World) -> None:
    client = await world.register()
    token = (await world.tokens(client))["access_token"]
    now = int(world.clock().timestamp())
    body = await said(world, token)
    assert body.pop("jti")
    assert body == {
        "active": True,
        "iss": GATEWAY,
        "token_type": "Bearer",
        "client_id": client.client_id,
        "sub": "test:alice",
        "aud": f"{GATEWAY}/mcp",
        "scope": "mcp",
        "iat": now,
        "exp": now + 600,
    }


async def test_its_own_client_learns_whether_a_refresh_token_is_still_good(world: World) -> None:
    client = ClientApp(URL_ID)
    tokens = await world.token({**client.code_form(await world.code(client)), **proof(world)})
    token = tokens.json()["refresh_token"]
    body = (await introspect(world, token, auth=None, data=proof(world))).json()
    assert (body["active"], body["client_id"], body["exp"] - body["iat"]) == (True, URL_ID, 30 * 24 * 3600)
    assert "token_type" not in body
    successor = (await world.token({**client.refresh_form(token), **proof(world)})).json()["refresh_token"]
    world.clock.advance(timedelta(seconds=61))
    assert (await introspect(world, token, auth=None, data=proof(world))).json() == {"active": False}
    assert (await introspect(world, successor, auth=None, data=proof(world))).json()["active"] is True


async def test_a_resource_server_is_not_told_of_refresh_tokens_which_it_might_take_for_access_tokens(
    world: World,
) -> None:
    token = (await world.tokens(await world.register()))["refresh_token"]
    assert await said(world, token) == {"active": False}


async def test_asking_about_an_old_refresh_token_is_no_use_of_it(world: World) -> None:
    client = await world.register()
    token = (await world.tokens(client))["refresh_token"]
    await said(world, token)
    world.clock.advance(timedelta(hours=1))
    assert (await world.token(client.refresh_form(token))).status_code == 200


GONE: list[Any] = [
    pytest.param("an expired access token", id="expired"),
    pytest.param("an access token whose grant was revoked", id="revoked"),
    pytest.param("a refresh token whose grant was revoked", id="refresh token of a revoked grant"),
    pytest.param("an altered refresh token", id="altered"),
    pytest.param("nonsense", id="nonsense"),
]


@pytest.mark.parametrize("case", GONE)
async def test_of_what_is_not_good_nothing_else_is_said(world: World, case: str) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    if "revoked" in case:
        form = {"token": tokens["refresh_token"], "client_id": client.client_id}
        await world.http.post(f"{GATEWAY}/oauth/revoke", data=form)
    if "expired" in case:
        world.clock.advance(timedelta(seconds=600))
    token = tokens["refresh_token" if "refresh" in case else "access_token"]
    # The last letter has bits that mean nothing; the first of the mac has not.
    head, _, mac = token.rpartition(".")
    altered = f"{head}.{'B' if mac[0] == 'A' else 'A'}{mac[1:]}"
    token = {"an altered refresh token": altered, "nonsense": "nonsense"}.get(case, token)
    assert await said(world, token) == {"active": False}


async def test_a_public_client_may_not_ask(world: World) -> None:
    client = await world.register()
    token = (await world.tokens(client))["access_token"]
    answer = await introspect(world, token, auth=None, data={"client_id": client.client_id})
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    assert "alice" not in answer.text


@pytest.mark.parametrize("auth", [None, ("resource-server", "a guess"), ("nobody", SECRET)])
async def test_who_does_not_authenticate_learns_nothing(world: World, auth: Any) -> None:
    token = (await world.tokens(await world.register()))["access_token"]
    answer = await introspect(world, token, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "alice" not in answer.text


@pytest.mark.requirement("CL-04")
async def test_a_client_that_nobody_configured_learns_of_its_own_tokens_alone(world: World) -> None:
    client = ClientApp(URL_ID)
    own = await world.token({**client.code_form(await world.code(client)), **proof(world)})
    others = (await world.tokens(await world.register()))["access_token"]
    about_own = await introspect(world, own.json()["access_token"], auth=None, data=proof(world))
    about_others = await introspect(world, others, auth=None, data=proof(world))
    assert about_own.json()["client_id"] == URL_ID
    assert about_others.json() == {"active": False}


async def test_a_request_without_a_token_is_refused(world: World) -> None:
    answer = await world.http.post(f"{GATEWAY}/oauth/introspect", data={"x": "y"}, auth=("resource-server", SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_resource_server_cannot_sign_anybody_in(world: World) -> None:
    page = await world.http.get(ClientApp("resource-server").authorization_url())
    assert page.status_code == 400
    answer = await world.token({"grant_type": "refresh_token", "refresh_token": "x"}, auth=("resource-server", SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
