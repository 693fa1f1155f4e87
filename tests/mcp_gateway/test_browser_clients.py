"""Clients that run in a browser, and clients of 2025-03-26 that look at the default paths."""

import pytest

from tests.support.gateway import GATEWAY, ClientApp, World, answer_of

pytestmark = pytest.mark.anyio

ORIGIN = {"Origin": "https://inspector.test"}


@pytest.mark.requirement("DI-06")
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/register", "/oauth/revoke"])
async def test_scripts_of_any_page_may_use_what_believes_no_cookie(world: World, path: str) -> None:
    asked = {**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = await world.http.options(GATEWAY + path, headers=asked)
    answer = await world.http.post(GATEWAY + path, headers=ORIGIN)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.requirement("DI-06")
@pytest.mark.parametrize("path", ["/oauth/authorize", "/authorize", "/oauth/consent", "/oauth/callback"])
async def test_what_believes_cookies_is_closed_to_scripts(world: World, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = await world.http.request(method, GATEWAY + path, headers=ORIGIN)
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.requirement("DI-04")
async def test_a_client_that_looks_at_the_default_paths_signs_in(world: World) -> None:
    registered = await world.http.post(
        f"{GATEWAY}/register", json={"client_name": "Old", "redirect_uris": ["http://127.0.0.1:7777/callback"]}
    )
    client = ClientApp(registered.json()["client_id"])
    url = client.authorization_url(resource=None).replace("/oauth/authorize", "/authorize")
    page = await world.browser.open(url)
    code = answer_of(await world.browser.submit(page, {"decision": "approve"}))["code"]
    tokens = await world.http.post(f"{GATEWAY}/token", data=client.code_form(code))
    assert tokens.status_code == 200
    assert (await world.call(tokens.json()["access_token"])).status_code == 200
