"""Which calls pass, and what those that do not are told."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from mcp_gateway.tokens.signing_keys import SigningKeys
from tests.support.gateway import GATEWAY, World

pytestmark = pytest.mark.anyio

METADATA = f'resource_metadata="{GATEWAY}/.well-known/oauth-protected-resource/mcp"'


@pytest.mark.requirement("DI-01")
async def test_a_call_without_a_token_is_told_where_and_for_what_to_get_one(world: World) -> None:
    answer = await world.call(None)
    challenge = answer.headers["www-authenticate"]
    assert answer.status_code == 401
    assert challenge.startswith("Bearer ")
    assert METADATA in challenge
    assert 'scope="mcp"' in challenge
    assert "error=" not in challenge
    assert "offline_access" not in challenge
    assert world.upstream.received == []


@pytest.mark.requirement("RS-02")
@pytest.mark.parametrize("place", ["query", "form", "cookie"])
async def test_a_token_anywhere_but_in_the_header_is_none(world: World, place: str) -> None:
    token = (await world.tokens(await world.register()))["access_token"]
    options: dict[str, dict[str, Any]] = {
        "query": {"params": {"access_token": token}},
        "form": {"json": None, "data": {"access_token": token}},
        "cookie": {"headers": {"Cookie": f"access_token={token}"}},
    }
    answer = await world.call(None, **options[place])
    assert (answer.status_code, world.upstream.received) == (401, [])


@pytest.mark.requirement("RS-02", "RS-03")
async def test_a_token_in_the_query_beside_the_header_is_not_passed_on(world: World) -> None:
    token = (await world.tokens(await world.register()))["access_token"]
    answer = await world.call(token, params={"access_token": token})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert world.upstream.received == []


@pytest.mark.requirement("DI-01")
async def test_a_client_that_only_looks_is_told_too(world: World) -> None:
    answer = await world.http.head(f"{GATEWAY}/mcp")
    assert answer.status_code == 401
    assert METADATA in answer.headers["www-authenticate"]


@pytest.mark.requirement("RS-02")
@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic eDp5", "Token x", "Bearer not.a.jwt"])
async def test_a_header_that_is_no_bearer_token_of_ours_is_refused(world: World, value: str) -> None:
    answer = await world.call(None, headers={"Authorization": value})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert world.upstream.received == []


@pytest.mark.requirement("RS-01")
async def test_a_token_ends_with_its_time_also_when_it_was_seen_before(world: World) -> None:
    token = (await world.tokens(await world.register()))["access_token"]
    world.clock.advance(timedelta(seconds=599))
    assert (await world.call(token)).status_code == 200
    world.clock.advance(timedelta(seconds=1))
    assert (await world.call(token)).status_code == 401
    assert (await world.call(token)).status_code == 401


Claims = dict[str, Any]


def signed(ring: SigningKeys, claims: Claims, **header: str) -> str:
    """With our own key, which no forger has: what is wrong is in the claims or the header alone."""
    return jwt.encode({"alg": "ES256", "kid": ring.keys[0].kid, "typ": "at+jwt", **header}, claims, ring.keys[0].key)


def by_another_key(ring: SigningKeys, claims: Claims) -> str:
    key = ECKey.generate_key("P-256", {"kid": ring.keys[0].kid})
    return jwt.encode({"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}, claims, key)


def by_nobody(ring: SigningKeys, claims: Claims) -> str:
    header = json.dumps({"alg": "none", "typ": "at+jwt", "kid": ring.keys[0].kid})
    return (
        ".".join(base64.urlsafe_b64encode(p.encode()).rstrip(b"=").decode() for p in (header, json.dumps(claims))) + "."
    )


def by_the_public_key(ring: SigningKeys, claims: Claims) -> str:
    key = OctKey.import_key(json.dumps(ring.keys[0].key.as_dict(private=False)))
    return jwt.encode({"alg": "HS256", "kid": ring.keys[0].kid, "typ": "at+jwt"}, claims, key, algorithms=["HS256"])


FORGERIES: list[Any] = [
    pytest.param(by_another_key, id="another key under our kid"),
    pytest.param(by_nobody, id="alg none"),
    pytest.param(by_the_public_key, id="HS256 with the public key"),
    pytest.param(lambda ring, claims: signed(ring, claims, typ="JWT"), id="not an access token by its type"),
    pytest.param(lambda ring, claims: signed(ring, {**claims, "iss": "https://evil.test"}), id="another issuer"),
    pytest.param(lambda ring, claims: signed(ring, {**claims, "aud": [claims["aud"], "b"]}), id="two audiences"),
    pytest.param(lambda ring, claims: signed(ring, {**claims, "iat": claims["iat"] + 60}), id="from the future"),
    pytest.param(lambda ring, claims: signed(ring, {n: v for n, v in claims.items() if n != "exp"}), id="no expiry"),
    pytest.param(lambda ring, claims: signed(ring, {n: v for n, v in claims.items() if n != "aud"}), id="no audience"),
    pytest.param(lambda ring, claims: signed(ring, {**claims, "scope": ["mcp"]}), id="scope of another type"),
    pytest.param(lambda ring, claims: signed(ring, {**claims, "exp": "never"}), id="expiry of another type"),
    pytest.param(lambda ring, claims: signed(ring, {**claims, "exp": 10**20}), id="expiry beyond all calendars"),
]


@pytest.mark.requirement("RS-01")
@pytest.mark.parametrize("forge", FORGERIES)
async def test_a_forged_token_is_refused(world: World, forge: Callable[[SigningKeys, Claims], str]) -> None:
    token = (await world.tokens(await world.register()))["access_token"]
    claims = jwt.decode(token, world.signing_keys.ring, algorithms=["ES256"]).claims
    answer = await world.call(forge(world.signing_keys, claims))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert world.upstream.received == []


@pytest.mark.requirement("RS-01")
async def test_the_forgeries_would_pass_if_nothing_was_wrong_with_them(world: World) -> None:
    token = (await world.tokens(await world.register()))["access_token"]
    claims = jwt.decode(token, world.signing_keys.ring, algorithms=["ES256"]).claims
    assert (await world.call(signed(world.signing_keys, claims))).status_code == 200


@pytest.mark.requirement("RS-04")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="no Origin"),
        pytest.param({"Origin": GATEWAY}, 200, id="our own"),
        pytest.param({"Origin": "https://inspector.test"}, 200, id="a configured one"),
        pytest.param({"Origin": "https://evil.test"}, 403, id="a foreign one"),
        pytest.param({"Origin": "null"}, 403, id="null"),
        pytest.param({"Origin": "http://mcp.test"}, 403, id="ours without TLS"),
        pytest.param({"Origin": "http://localhost:6274"}, 403, id="this computer, outside development"),
        pytest.param({"Host": "evil.test"}, 403, id="a foreign Host"),
        pytest.param({"Host": "MCP.test:443"}, 200, id="our Host with its port"),
        pytest.param({"Host": "gateway.internal:8090"}, 200, id="a configured Host"),
    ],
)
async def test_calls_come_by_our_name_and_from_allowed_pages(headers: dict[str, str], status: int) -> None:
    world = World(allowed_origins=("https://inspector.test",), allowed_hosts=("gateway.internal:8090",))
    token = (await world.tokens(await world.register()))["access_token"]
    answer = await world.call(token, headers=headers)
    assert answer.status_code == status
    assert len(world.upstream.received) == (status == 200)


@pytest.mark.requirement("RS-04")
async def test_in_development_pages_on_this_computer_may_call() -> None:
    world = World(development_mode=True)
    token = (await world.tokens(await world.register()))["access_token"]
    assert (await world.call(token, headers={"Origin": "http://localhost:6274"})).status_code == 200
    assert (await world.call(token, headers={"Origin": "http://localhost.evil.test"})).status_code == 403
