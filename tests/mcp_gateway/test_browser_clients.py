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
async def test_what_believes_cookies_is_closed_to_scripts_also_of_those_who_may_call(path: str) -> None:
    world = World(allowed_origins=(ORIGIN["Origin"],))
    for method in ("GET", "POST", "OPTIONS"):
        answer = await world.http.request(method, GATEWAY + path, headers=ORIGIN)
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.requirement("DI-06")
@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/jwks.json",
    ],
)
async def test_a_script_may_say_its_protocol_version_when_it_asks_for_metadata(world: World, path: str) -> None:
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "mcp-protocol-version"}
    preflight = await world.http.options(GATEWAY + path, headers=ORIGIN | asked)
    assert preflight.status_code == 200
    assert "mcp-protocol-version" in preflight.headers["access-control-allow-headers"]


@pytest.mark.requirement("DI-06", "RS-04")
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_page_of_an_allowed_origin_learns_that_it_may_call_before_it_has_a_token(method: str) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization, mcp-method"}
    world = World(allowed_origins=(ORIGIN["Origin"],))
    preflight = await world.http.options(f"{GATEWAY}/mcp", headers=ORIGIN | asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert method in preflight.headers["access-control-allow-methods"]
    assert {"authorization", "mcp-method"} <= set(preflight.headers["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in preflight.headers
    assert world.upstream.received == []


@pytest.mark.requirement("DI-06", "DI-01", "RS-07")
async def test_such_a_page_may_read_the_challenge_and_the_session() -> None:
    world = World(allowed_origins=(ORIGIN["Origin"],))
    world.upstream.headers = {"Mcp-Session-Id": "s-1", "Vary": "Accept"}
    refused = await world.call(None, headers=ORIGIN)
    answered = await world.call((await world.tokens(await world.register()))["access_token"], headers=ORIGIN)
    assert (refused.status_code, answered.status_code) == (401, 200)
    for answer, name in ((refused, "www-authenticate"), (answered, "mcp-session-id")):
        assert name in answer.headers
        assert name in answer.headers["access-control-expose-headers"].split(", ")
        assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
        assert "Origin" in answer.headers["vary"]
    assert answered.headers["vary"] == "Accept, Origin"


@pytest.mark.requirement("RS-04")
@pytest.mark.parametrize("origin", ["https://evil.test", "null", "https://inspector.test.evil.test"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
async def test_a_page_of_any_other_origin_is_refused_and_reads_nothing(method: str, origin: str) -> None:
    world = World(allowed_origins=(ORIGIN["Origin"],))
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await world.http.request(method, f"{GATEWAY}/mcp", headers=asked)
    assert answer.status_code == 403
    assert not any(name.startswith("access-control-") for name in answer.headers)


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
