"""`credentials: identity`: what an MCP server reads of the caller, and what it can verify."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import jwt
import pytest

from authproxy_common.secret import Secret
from mcp_gateway.settings import ClientSettings, ServerSettings
from mcp_gateway.settings.credentials import IdentitySettings
from mcp_gateway.tokens.signing_keys import SigningKeys, generate_signing_key
from tests.support.gateway import GATEWAY, UPSTREAM, World
from tests.support.network import virtual_network

pytestmark = pytest.mark.anyio

ASSERTION = "x-forwarded-jwt-assertion"
AUDIENCE = f"{UPSTREAM}/mcp"
ALICE = {"email": "alice@example.com", "email_verified": True, "groups": ["staff", "on call"]}


def a_world(user: Mapping[str, Any] | None = None, clients: Any = None, **identity: Any) -> World:
    """One whose MCP server is told who calls; the provider says `user` of everybody."""
    settings = ServerSettings(
        url=f"{UPSTREAM}/mcp",
        credentials="identity",
        identity=IdentitySettings(**identity),
        scopes={"b": "B", "a": "A"},
    )
    world = World(servers={"default": settings}, clients=clients or {})
    world.auth.user = dict(ALICE if user is None else user)
    return world


async def signed_in(world: World) -> str:
    return str((await world.tokens(await world.register()))["access_token"])


async def told(world: World) -> Mapping[str, str]:
    """The headers of a call, as the MCP server gets them."""
    answer = await world.call(await signed_in(world))
    assert answer.status_code == 200, answer.text
    return world.upstream.received[-1].headers


async def verified(world: World, assertion: str, audience: str = AUDIENCE) -> dict[str, Any]:
    """What an MCP server makes of it that has a JOSE library of its own, and our published keys."""
    keys = jwt.PyJWKSet.from_dict((await world.http.get(f"{GATEWAY}/.well-known/jwks.json")).json())
    key = next(key for key in keys.keys if key.key_id == jwt.get_unverified_header(assertion)["kid"])
    # The world's clock is not this machine's.
    options: Any = {"verify_exp": False, "verify_iat": False, "require": ["iss", "sub", "aud", "exp", "iat", "jti"]}
    claims: dict[str, Any] = jwt.decode(
        assertion, key, algorithms=["ES256"], audience=audience, issuer=GATEWAY, options=options
    )
    return claims


@pytest.mark.requirement("UP-01")
async def test_an_mcp_server_reads_who_calls() -> None:
    headers = await told(a_world())
    assert headers["x-forwarded-user"] == "test:alice"
    assert headers["x-forwarded-email"] == "alice@example.com"
    assert headers["x-forwarded-groups"] == "staff,on call"


@pytest.mark.requirement("UP-02")
@pytest.mark.parametrize(
    "user",
    [
        pytest.param({"email": "root@example.com"}, id="an address that nobody verified"),
        pytest.param({"email": "root@example.com", "email_verified": False}, id="one that is not the person's"),
        pytest.param({"email_verified": True, "groups": []}, id="no address and no group"),
        pytest.param({"groups": ["some of them"], "groups_overage": True}, id="more groups than are named"),
    ],
)
async def test_what_is_not_known_is_left_out(user: dict[str, Any]) -> None:
    world = a_world(user)
    headers = await told(world)
    claims = await verified(world, headers[ASSERTION])
    assert not {"x-forwarded-email", "x-forwarded-groups"} & set(headers)
    assert "email" not in claims
    assert claims.get("groups") == (user["groups"] if user.get("groups") == [] else None)
    assert claims.get("groups_overage") == user.get("groups_overage")


AWKWARD: list[Any] = [
    pytest.param("Zoë, of sales", id="other letters and a comma"),
    pytest.param("100%25", id="what looks encoded"),
    pytest.param("line\r\nX-Forwarded-User: test:root", id="a line break"),
    pytest.param("\x00\x1b\x7f", id="control characters"),
    pytest.param(" spaces at the ends ", id="spaces"),
    pytest.param("東京", id="a name in Japanese"),
]


@pytest.mark.requirement("UP-02")
@pytest.mark.parametrize("name", AWKWARD)
async def test_a_name_that_a_header_cannot_hold_is_encoded_and_read_back_as_it_was(name: str) -> None:
    world = a_world({**ALICE, "groups": ["first", name, "last"]})
    world.auth.person = name
    headers = await told(world)
    assert unquote(headers["x-forwarded-user"]) == f"test:{name}"
    assert [unquote(each) for each in headers["x-forwarded-groups"].split(",")] == ["first", name, "last"]
    assert headers["x-forwarded-groups"].isascii()
    assert headers["x-forwarded-groups"].isprintable()
    claims = await verified(world, headers[ASSERTION])
    assert (claims["sub"], claims["groups"]) == (f"test:{name}", ["first", name, "last"])


@pytest.mark.requirement("UP-02")
async def test_groups_that_no_header_would_hold_are_said_to_be_more() -> None:
    world = a_world({**ALICE, "groups": [f"{number:036}" for number in range(200)]})
    headers = await told(world)
    claims = await verified(world, headers[ASSERTION])
    assert "x-forwarded-groups" not in headers
    assert ("groups" in claims, claims["groups_overage"]) == (False, True)
    assert len(headers[ASSERTION]) < 1024


@pytest.mark.requirement("UP-03")
async def test_an_assertion_says_who_calls_for_which_client_and_for_whom() -> None:
    world = a_world()
    client = await world.register()
    await world.call((await world.tokens(client))["access_token"])
    assertion = world.upstream.received[0].headers[ASSERTION]
    claims, now = await verified(world, assertion), int(world.clock().timestamp())
    assert claims.pop("jti")
    assert claims == {
        "iss": GATEWAY,
        "sub": "test:alice",
        "aud": AUDIENCE,
        "client_id": client.client_id,
        "scope": "a b",
        "iat": now,
        "exp": now + 60,
        "email": "alice@example.com",
        "email_verified": True,
        "groups": ["staff", "on call"],
    }
    header = jwt.get_unverified_header(assertion)
    assert (header["alg"], header["typ"]) == ("ES256", "caller-assertion+jwt")


@pytest.mark.requirement("UP-03")
async def test_its_audience_life_and_header_are_configured() -> None:
    world = a_world(audience="wiki", assertion_ttl_seconds=120, assertion_header="X-Goog-IAP-JWT-Assertion")
    headers = await told(world)
    claims = await verified(world, headers["x-goog-iap-jwt-assertion"], "wiki")
    assert claims["exp"] - claims["iat"] == 120
    assert ASSERTION not in headers


@pytest.mark.requirement("UP-03")
async def test_in_the_authorization_header_it_is_a_bearer_token() -> None:
    world = a_world(assertion_header="Authorization")
    scheme, _, assertion = (await told(world))["authorization"].partition(" ")
    assert scheme == "Bearer"
    assert (await verified(world, assertion))["sub"] == "test:alice"


@pytest.mark.requirement("UP-03")
async def test_several_endpoints_of_one_server_are_one_audience() -> None:
    urls = (f"{UPSTREAM}/mcp", "https://other.test/mcp")
    world = World(servers={"default": ServerSettings(urls=urls, credentials="identity")})
    headers = await told(world)
    assert (await verified(world, headers[ASSERTION]))["aud"] == urls[0]


@pytest.mark.requirement("UP-03")
async def test_it_is_signed_once_for_the_calls_of_half_its_life() -> None:
    world = a_world()
    token = await signed_in(world)
    for _ in range(3):
        await world.call(token)
    world.clock.advance(timedelta(seconds=29))
    await world.call(token)
    assert len({request.headers[ASSERTION] for request in world.upstream.received}) == 1
    world.clock.advance(timedelta(seconds=1))
    await world.call(token)
    assert len({request.headers[ASSERTION] for request in world.upstream.received}) == 2


@pytest.mark.requirement("UP-03")
async def test_two_callers_never_share_one() -> None:
    world = a_world()
    tokens = [await signed_in(world)]
    world.auth.person = "bob"
    tokens.append(await signed_in(world))
    subjects = []
    for token in [*tokens, *tokens]:
        await world.call(token)
        subjects.append((await verified(world, world.upstream.received[-1].headers[ASSERTION]))["sub"])
    assert subjects == ["test:alice", "test:bob", "test:alice", "test:bob"]


@pytest.mark.requirement("UP-03")
async def test_after_a_rotation_the_new_key_signs_and_what_the_old_one_signed_is_verified_yet() -> None:
    world = a_world()
    token = await signed_in(world)
    await world.call(token)
    ring = SigningKeys([*SigningKeys.from_pem(generate_signing_key()).keys, *world.signing_keys.keys])
    async with virtual_network({GATEWAY: world.replica(ring)}) as rotated:
        world.http = rotated
        await world.call(token)
        before, after = (request.headers[ASSERTION] for request in world.upstream.received)
        assert [jwt.get_unverified_header(each)["kid"] for each in (after, before)] == [key.kid for key in ring.keys]
        assert (await verified(world, before))["sub"] == (await verified(world, after))["sub"] == "test:alice"


@pytest.mark.requirement("UP-03", "RS-01")
async def test_an_assertion_is_no_access_token() -> None:
    """Not even one for an audience that somebody made the name of the gateway's own resource."""
    world = a_world(audience=f"{GATEWAY}/mcp")
    assertion = (await told(world))[ASSERTION]
    calls = len(world.upstream.received)
    answer = await world.call(assertion)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert len(world.upstream.received) == calls


@pytest.mark.requirement("UP-03", "TK-07")
async def test_nobody_is_told_that_an_assertion_is_active() -> None:
    resource_server = ClientSettings(
        grant_types=(), token_endpoint_auth_method="client_secret_post", client_secret=Secret("of-a-resource-server")
    )
    world = a_world(clients={"resource-server": resource_server})
    form = {"client_id": "resource-server", "client_secret": "of-a-resource-server"}
    token = await signed_in(world)
    await world.call(token)
    for value, active in ((token, True), (world.upstream.received[0].headers[ASSERTION], False)):
        answer = await world.http.post(f"{GATEWAY}/oauth/introspect", data={**form, "token": value})
        assert (answer.status_code, answer.json()["active"]) == (200, active)


@pytest.mark.requirement("UP-03")
async def test_an_access_token_is_no_assertion() -> None:
    """It is for this gateway, which an MCP server that checks the audience sees, and of a type of its own."""
    world = a_world()
    token = await signed_in(world)
    with pytest.raises(jwt.InvalidAudienceError):
        await verified(world, token)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
