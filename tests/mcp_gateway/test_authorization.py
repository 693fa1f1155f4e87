"""The authorization endpoint: who gets an error page, who gets an error at the client, and who gets a code."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mcp_gateway.settings import ServerSettings
from tests.support.gateway import AUTH, GATEWAY, REDIRECT_URI, UPSTREAM, World, answer_of

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("AZ-07", "AZ-01", "TK-01")
async def test_a_client_whose_user_approves_gets_a_code_its_state_and_our_issuer(world: World) -> None:
    client = await world.register()
    answer = await world.authorize(client)
    assert answer["code"].startswith("ac_")
    assert (answer["state"], answer["iss"]) == (client.state, GATEWAY)


@pytest.mark.requirement("AZ-03")
@pytest.mark.parametrize("resource", [None, f"{GATEWAY}/mcp", f"{GATEWAY}/mcp/", "HTTPS://MCP.TEST/mcp"])
async def test_a_resource_may_be_written_as_clients_write_it(world: World, resource: str | None) -> None:
    tokens = await world.tokens(await world.register(), resource=resource)
    assert (await world.call(tokens["access_token"])).status_code == 200


ERRORS: list[Any] = [
    pytest.param({"response_type": None}, "unsupported_response_type", id="no response_type"),
    pytest.param({"response_type": "token"}, "unsupported_response_type", id="implicit flow"),
    pytest.param({"response_mode": "fragment"}, "invalid_request", id="fragment"),
    pytest.param({"code_challenge": None}, "invalid_request", id="no challenge"),
    pytest.param({"code_challenge_method": None}, "invalid_request", id="no method, which would mean plain"),
    pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="plain PKCE"),
    pytest.param({"code_challenge": "short"}, "invalid_request", id="no S256 challenge"),
    pytest.param({"resource": "https://other.test/mcp"}, "invalid_target", id="foreign resource"),
    pytest.param({"resource": f"{GATEWAY}/mcp#x"}, "invalid_target", id="resource with a fragment"),
    pytest.param({"scope": "admin"}, "invalid_scope", id="unknown scope"),
]


@pytest.mark.requirement("AZ-01", "AZ-02", "AZ-03", "AZ-07")
@pytest.mark.parametrize(("changed", "error"), ERRORS)
async def test_an_error_travels_to_the_client(world: World, changed: dict[str, str | None], error: str) -> None:
    client = await world.register()
    page = await world.browser.open(client.authorization_url(**changed))
    answer = answer_of(page)
    assert (answer["error"], answer["state"], answer["iss"]) == (error, client.state, GATEWAY)
    assert "code" not in answer
    assert not any(AUTH in url for url in world.browser.visited)


@pytest.mark.requirement("AZ-03")
async def test_with_several_servers_a_resource_must_be_named() -> None:
    world = World(servers={name: ServerSettings(url=f"{UPSTREAM}/mcp") for name in ("default", "wiki")})
    page = await world.browser.open((await world.register()).authorization_url(resource=None))
    assert answer_of(page)["error"] == "invalid_target"


PAGES: list[Any] = [
    pytest.param({"client_id": None}, id="no client_id"),
    pytest.param({"client_id": "reg_nobody"}, id="unknown client"),
    pytest.param({"client_id": "https://client.test/metadata.json"}, id="a kind of client we do not know"),
    pytest.param({"redirect_uri": "https://evil.test/cb"}, id="unregistered redirect_uri"),
    pytest.param({"redirect_uri": f"{REDIRECT_URI}/more"}, id="longer redirect_uri"),
    pytest.param({"redirect_uri": None}, id="no redirect_uri where the port could be any"),
]


@pytest.mark.requirement("AZ-01", "CL-05")
@pytest.mark.parametrize("changed", PAGES)
async def test_an_unknown_client_or_redirect_uri_gets_a_page_and_goes_nowhere(
    world: World, changed: dict[str, str | None]
) -> None:
    client = await world.register()
    answer = await world.http.get(client.authorization_url(**changed))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "What to do" in answer.text
    assert answer.headers["x-request-id"] in answer.text


@pytest.mark.requirement("AZ-08")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "scope", "resource", "code_challenge"])
async def test_a_repeated_parameter_is_refused(world: World, name: str) -> None:
    client = await world.register()
    answer = await world.http.get(client.authorization_url(scope="mcp") + f"&{name}=twice")
    assert answer.status_code == 400
    assert f"{name} is repeated" in answer.text
    assert "location" not in answer.headers


@pytest.mark.requirement("BR-02", "AZ-06")
async def test_the_auth_server_is_asked_with_a_challenge_and_a_state_of_our_own(world: World) -> None:
    client = await world.register()
    await world.authorize(client)
    login = next(url for url in world.browser.visited if url.startswith(f"{AUTH}/login"))
    asked = {name: values[0] for name, values in parse_qs(urlsplit(login).query).items()}
    assert asked["gateway_uri"] == f"{GATEWAY}/oauth/callback"
    assert asked["provider"] == "test"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["state"] not in {client.state, ""}
    assert client.client_id not in login


FAILURES: list[Any] = [
    pytest.param("access_denied", "access_denied", id="the person said no"),
    pytest.param("temporarily_unavailable", "temporarily_unavailable", id="the provider is down"),
    pytest.param("<script>", "server_error", id="anything else"),
]


@pytest.mark.requirement("OP-04", "AZ-01", "AZ-07")
@pytest.mark.parametrize(("answered", "error"), FAILURES)
async def test_what_went_wrong_at_the_provider_reaches_the_client(world: World, answered: str, error: str) -> None:
    world.auth.answer_with = {"error": answered}
    client = await world.register()
    answer = await world.authorize(client)
    assert (answer["error"], answer["state"], answer["iss"]) == (error, client.state, GATEWAY)
    assert "<script>" not in answer["error_description"]


@pytest.mark.requirement("BR-05", "OP-04")
async def test_a_gateway_code_that_was_never_issued_gives_no_code(world: World) -> None:
    world.auth.answer_with = {"code": "gc_never-issued"}
    answer = await world.authorize(await world.register())
    assert (answer["error"], world.auth.exchanges) == ("server_error", 1)
    assert "code" not in answer


@pytest.mark.requirement("OP-04")
async def test_an_auth_server_that_is_not_there_is_temporarily_unavailable() -> None:
    world = World(internal_auth_service_url="https://nowhere.test")
    client = await world.register()
    answer = await world.authorize(client)
    assert (answer["error"], answer["state"]) == ("temporarily_unavailable", client.state)


@pytest.mark.requirement("AZ-06", "BR-05")
async def test_a_sign_in_at_another_provider_than_the_one_asked_for_is_refused(world: World) -> None:
    world.auth.provider = "another"
    answer = await world.authorize(await world.register())
    assert answer["error"] == "server_error"
