"""The well-known documents."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from mcp_gateway.settings import ServerSettings
from tests.support.gateway import GATEWAY, UPSTREAM, World

pytestmark = pytest.mark.anyio


async def fetch(world: World, path: str) -> dict[str, Any]:
    answer = await world.http.get(GATEWAY + path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.requirement("DI-03", "DI-04", "DI-05")
@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/mcp",
    ],
)
async def test_every_way_of_discovery_finds_the_same_authorization_server(world: World, path: str) -> None:
    metadata = await fetch(world, path)
    assert metadata["issuer"] == GATEWAY
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["scopes_supported"] == ["mcp"]


@pytest.mark.requirement("DI-05")
async def test_metadata_offers_no_endpoint_that_does_not_answer(world: World) -> None:
    metadata = await fetch(world, "/.well-known/oauth-authorization-server")
    endpoints = {name: url for name, url in metadata.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(endpoints) == 6
    for url in endpoints.values():
        get, post = await world.http.get(url), await world.http.post(url)
        assert {get.status_code, post.status_code} != {404}


@pytest.mark.requirement("DI-02")
@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"])
async def test_the_protected_resource_names_itself_and_its_issuer(world: World, path: str) -> None:
    metadata = await fetch(world, path)
    issuer = (await fetch(world, "/.well-known/oauth-authorization-server"))["issuer"]
    assert metadata["resource"] == f"{GATEWAY}/mcp"
    assert metadata["authorization_servers"] == [issuer]
    assert metadata["bearer_methods_supported"] == ["header"]


@pytest.mark.requirement("DI-02")
async def test_several_mcp_servers_have_metadata_of_their_own() -> None:
    world = World(servers={name: ServerSettings(url=f"{UPSTREAM}/mcp") for name in ("default", "wiki")})
    wiki = await fetch(world, "/.well-known/oauth-protected-resource/wiki/mcp")
    bare = await world.http.get(f"{GATEWAY}/.well-known/oauth-protected-resource")
    assert wiki["resource"] == f"{GATEWAY}/wiki/mcp"
    assert bare.status_code == 404


@pytest.mark.requirement("DI-02")
@pytest.mark.parametrize(
    "path", ["/.well-known/oauth-protected-resource/nowhere", "/.well-known/oauth-authorization-server/nowhere"]
)
async def test_there_is_no_metadata_for_what_is_not_there(world: World, path: str) -> None:
    answer = await world.http.get(GATEWAY + path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.requirement("TK-04", "OP-02")
async def test_published_keys_verify_our_tokens_and_hold_no_private_half(world: World) -> None:
    published = await fetch(world, "/.well-known/jwks.json")
    tokens = await world.tokens(await world.register())
    ring = KeySet([ECKey.import_key(key) for key in published["keys"]])
    token = jwt.decode(tokens["access_token"], ring, algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    assert all("d" not in key for key in published["keys"])


@pytest.mark.requirement("OP-06")
async def test_no_header_of_a_request_changes_what_we_say_we_are(world: World) -> None:
    forged = {"Host": "evil.test", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http", "Forwarded": "host=e"}
    answer = await world.http.get(f"{GATEWAY}/.well-known/oauth-authorization-server", headers=forged)
    assert answer.json()["issuer"] == GATEWAY
    assert "evil" not in answer.text


@pytest.mark.requirement("DI-06")
async def test_scripts_may_read_metadata_and_may_not_use_the_authorization_endpoint(world: World) -> None:
    metadata = await world.http.get(f"{GATEWAY}/.well-known/oauth-authorization-server")
    authorize = await world.http.get(f"{GATEWAY}/oauth/authorize", headers={"Origin": "https://inspector.test"})
    assert metadata.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in authorize.headers
