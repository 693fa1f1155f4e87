"""Clients that prove who they are: by a secret, in either place, or by a key."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from authproxy_common.http.fetching import FetchFailed
from authproxy_common.secret import Secret
from mcp_gateway.settings import ClientSettings
from tests.support.client_assertions import ASSERTION_TYPE, assertion_form, client_key, jwks_of
from tests.support.gateway import GATEWAY, REDIRECT_URI, ClientApp, World

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("CL-04")]

SECRET = "the secret: of a client, 100% ünique + long"
KEY, OTHER_KEY = client_key(), client_key("key-2")
URL_ID, JWKS_URI = "https://editor.example/client.json", "https://editor.example/keys.json"
CLIENTS = {
    "public": ClientSettings(redirect_uris=(REDIRECT_URI,)),
    "basic": ClientSettings(
        redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="client_secret_basic", client_secret=Secret(SECRET)
    ),
    "post": ClientSettings(
        redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="client_secret_post", client_secret=Secret(SECRET)
    ),
    "jwt": ClientSettings(
        redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="private_key_jwt", jwks=jwks_of(KEY)
    ),
    "jwt by uri": ClientSettings(
        redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="private_key_jwt", jwks_uri=JWKS_URI
    ),
}


@pytest.fixture
def world() -> World:
    made = World(clients=CLIENTS)
    made.published.publish(JWKS_URI, jwks_of(KEY))
    return made


def basic(client_id: str, secret: str = SECRET) -> dict[str, Any]:
    """RFC 6749 §2.3.1: both parts form-encoded first."""
    return {"auth": httpx.BasicAuth(quote(client_id, safe=""), quote(secret, safe=""))}


async def redeem(world: World, client_id: str, extra: dict[str, str | None] | None = None, **options: Any) -> Any:
    """A sign-in, whose code is redeemed with `extra` in the form."""
    client = ClientApp(client_id)
    code = await world.code(client)
    return await world.token(client.code_form(code, **(extra or {})), **options)


def assertion(
    world: World, client_id: str, key: ECKey = KEY, audience: Any = GATEWAY, **changed: Any
) -> dict[str, Any]:
    return dict(assertion_form(client_id, audience, world.clock(), key, **changed))


def check_refused(answer: httpx.Response) -> None:
    """The one answer for clients that are unknown and for clients that are not who they say."""
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.json()["error_description"].startswith("the client is not known here, its registration has expired")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.headers["cache-control"] == "no-store"


async def test_each_client_authenticates_as_it_is_configured(world: World) -> None:
    answers = [
        await redeem(world, "public"),
        await redeem(world, "basic", {"client_id": None}, **basic("basic")),
        await redeem(world, "basic", **basic("basic")),
        await redeem(world, "post", {"client_secret": SECRET}),
        await redeem(world, "jwt", assertion(world, "jwt")),
        await redeem(world, "jwt", {"client_id": None, **assertion(world, "jwt")}),
        await redeem(world, "jwt by uri", assertion(world, "jwt by uri")),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers)


@pytest.mark.requirement("TK-02")
async def test_a_confidential_client_authenticates_at_every_refresh_and_revocation(world: World) -> None:
    tokens = (await redeem(world, "post", {"client_secret": SECRET})).json()
    form = ClientApp("post").refresh_form(tokens["refresh_token"])
    check_refused(await world.token(form))
    assert (await world.token({**form, "client_secret": SECRET})).status_code == 200
    revocation = {"token": tokens["refresh_token"], "client_id": "post"}
    check_refused(await world.http.post(f"{GATEWAY}/oauth/revoke", data=revocation))
    revoked = await world.http.post(f"{GATEWAY}/oauth/revoke", data={**revocation, "client_secret": SECRET})
    assert revoked.status_code == 200


WRONG: list[Any] = [
    pytest.param("basic", {}, {}, id="no secret"),
    pytest.param("basic", {}, basic("basic", "a guess"), id="a wrong secret"),
    pytest.param("basic", {}, basic("basic", SECRET[:-1]), id="a part of the secret"),
    pytest.param("basic", {"client_secret": SECRET}, {}, id="the right secret in the wrong place"),
    pytest.param("post", {}, basic("post"), id="the right secret in the other wrong place"),
    pytest.param("public", {"client_secret": SECRET}, {}, id="a secret of a client that has none"),
    pytest.param("post", {"client_secret": "a guess"}, {}, id="a wrong secret in the form"),
    pytest.param("jwt", {"client_secret": SECRET}, {}, id="a secret in place of an assertion"),
    pytest.param("jwt", {}, {}, id="no assertion"),
]


@pytest.mark.parametrize(("client_id", "extra", "options"), WRONG)
async def test_a_client_that_does_not_authenticate_as_configured_gets_nothing_and_spends_nothing(
    world: World, client_id: str, extra: dict[str, str | None], options: dict[str, Any]
) -> None:
    client = ClientApp(client_id)
    code = await world.code(client)
    check_refused(await world.token(client.code_form(code, **extra), **options))
    right: dict[str, Any] = {
        "basic": basic(client_id),
        "post": {"data": {**client.code_form(code), "client_secret": SECRET}},
        "jwt": {"data": {**client.code_form(code), **assertion(world, "jwt")}},
    }.get(client_id, {})
    answer = await world.http.post(f"{GATEWAY}/oauth/token", **{"data": client.code_form(code), **right})
    assert answer.status_code == 200


async def test_an_unknown_client_is_told_the_same_as_one_that_fails(world: World) -> None:
    unknown = await world.token({"grant_type": "refresh_token", "client_id": "nobody", "client_secret": SECRET})
    wrong = await world.token({"grant_type": "refresh_token", "client_id": "post", "client_secret": "a guess"})
    check_refused(unknown)
    check_refused(wrong)
    assert unknown.json()["error_description"] == wrong.json()["error_description"]


async def test_several_ways_at_once_are_refused(world: World) -> None:
    form = {"grant_type": "refresh_token", "client_id": "basic", "client_secret": SECRET}
    answer = await world.token(form, **basic("basic"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


BAD_CLAIMS: list[Any] = [
    pytest.param({"iss": "other"}, id="another issuer"),
    pytest.param({"sub": "other"}, id="another subject"),
    pytest.param({"iss": None}, id="no issuer"),
    pytest.param({"sub": None}, id="no subject"),
    pytest.param({"aud": None}, id="no audience"),
    pytest.param({"aud": "https://other.test"}, id="another audience"),
    pytest.param({"aud": [GATEWAY, "https://other.test"]}, id="an audience shared with another"),
    pytest.param({"aud": []}, id="an empty audience"),
    pytest.param({"aud": f"{GATEWAY}/mcp"}, id="a resource as audience"),
    pytest.param({"exp": None}, id="no end"),
    pytest.param({"exp": "soon"}, id="an end that is no number"),
    pytest.param({"exp": 10**15}, id="an end that no calendar has"),
    pytest.param({"exp": 1}, id="over long ago"),
    pytest.param({"jti": None}, id="no jti"),
    pytest.param({"jti": ""}, id="an empty jti"),
    pytest.param({"jti": 7}, id="a jti that is no text"),
]


@pytest.mark.parametrize("changed", BAD_CLAIMS)
async def test_an_assertion_with_a_wrong_claim_is_refused(world: World, changed: dict[str, Any]) -> None:
    check_refused(await redeem(world, "jwt", {"client_id": "jwt", **assertion(world, "jwt", **changed)}))


async def test_an_assertion_with_half_a_character_in_it_is_refused(world: World) -> None:
    claims = jwt.decode(assertion(world, "jwt")["client_assertion"], KEY, algorithms=["ES256"]).claims
    payload = json.dumps(claims | {"jti": "\ud800"}).encode()
    proof: dict[str, str | None] = {"client_assertion_type": ASSERTION_TYPE}
    proof["client_assertion"] = jws.serialize_compact({"alg": "ES256", "kid": "key-1"}, payload, KEY)
    check_refused(await redeem(world, "jwt", proof))


@pytest.mark.parametrize(
    ("exp", "nbf", "status"),
    [
        (timedelta(seconds=-59), None, 200),
        (timedelta(seconds=-61), None, 401),
        (timedelta(hours=1), None, 200),
        (timedelta(hours=1, seconds=1), None, 401),
        (timedelta(minutes=5), timedelta(seconds=59), 200),
        (timedelta(minutes=5), timedelta(seconds=61), 401),
    ],
)
async def test_an_assertion_is_good_for_its_time_and_an_hour_at_most(
    world: World, exp: timedelta, nbf: timedelta | None, status: int
) -> None:
    now = world.clock()
    times: dict[str, Any] = {"exp": int((now + exp).timestamp())} | (
        {"nbf": int((now + nbf).timestamp())} if nbf else {}
    )
    assert (await redeem(world, "jwt", assertion(world, "jwt", **times))).status_code == status


@pytest.mark.parametrize("audience", [GATEWAY, f"{GATEWAY}/", f"{GATEWAY}/oauth/token", [GATEWAY]])
async def test_an_assertion_is_for_us_by_any_of_our_names(world: World, audience: Any) -> None:
    assert (await redeem(world, "jwt", assertion(world, "jwt", audience=audience))).status_code == 200


def hs256(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Made by hand: no library signs with a public key as if it were a secret."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    mac = hmac.digest(secret, ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=").decode()])


def forged(world: World, form: str) -> str:
    """An assertion that the client did not make."""
    honest = assertion(world, "jwt")["client_assertion"]
    claims = jwt.decode(honest, KEY, algorithms=["ES256"]).claims
    public = KEY.as_pem(private=False)
    made: dict[str, Callable[[], str]] = {
        "another key of the same name": lambda: jwt.encode({"alg": "ES256", "kid": "key-1"}, claims, client_key()),
        "another key": lambda: jwt.encode({"alg": "ES256", "kid": "key-2"}, claims, OTHER_KEY),
        "its own key in the header": lambda: jwt.encode(
            {"alg": "ES256", "jwk": OTHER_KEY.as_dict(private=False)}, claims, OTHER_KEY
        ),
        "HS256 with the public key": lambda: hs256({"alg": "HS256", "kid": "key-1"}, claims, public),
        "RS256 with an RSA key": lambda: jwt.encode(
            {"alg": "RS256", "kid": "key-1"}, claims, RSAKey.generate_key(2048), algorithms=["RS256"]
        ),
        "altered": lambda: ".".join([*honest.split(".")[:1], honest.split(".")[1][:-2] + "AA", honest.split(".")[2]]),
        "unsigned": lambda: honest.rpartition(".")[0] + ".",
        "nonsense": lambda: "not.a.jwt",
    }
    return made[form]()


FORMS = ["another key of the same name", "another key", "its own key in the header", "HS256 with the public key"]
FORMS += ["RS256 with an RSA key", "altered", "unsigned", "nonsense"]


@pytest.mark.parametrize("form", FORMS)
async def test_an_assertion_that_the_client_did_not_sign_is_refused(world: World, form: str) -> None:
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": forged(world, form)}
    check_refused(await redeem(world, "jwt", {"client_id": "jwt", **proof}))


async def test_an_assertion_of_another_type_is_refused(world: World) -> None:
    proof = {
        **assertion(world, "jwt"),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
    }
    answer = await redeem(world, "jwt", proof)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_an_assertion_is_good_once_at_whichever_replica(world: World, caplog: pytest.LogCaptureFixture) -> None:
    proof = assertion(world, "jwt")
    assert (await redeem(world, "jwt", proof)).status_code == 200
    other = httpx.AsyncClient(transport=httpx.ASGITransport(world.replica()), base_url=GATEWAY)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "jwt", **proof}
    check_refused(await other.post("/oauth/token", data=form))
    metrics = (await world.http.get(f"{GATEWAY}/metrics")).text
    check_refused(await world.token({**form, "refresh_token": "y"}))
    again = (await world.http.get(f"{GATEWAY}/metrics")).text
    assert 'event="client_assertion_replayed"} 0.0' in metrics
    assert 'authproxy_events_total{event="client_assertion_replayed"} 1.0' in again


async def test_the_same_jti_of_two_clients_is_of_two_assertions(world: World) -> None:
    for client_id, jti in (("jwt", "the same"), ("jwt by uri", "the same"), ("jwt", "by uri the other")):
        assert (await redeem(world, client_id, assertion(world, client_id, jti=jti))).status_code == 200
    assert (await redeem(world, "jwt by uri", assertion(world, "jwt by uri", jti="the other"))).status_code == 200


async def test_keys_that_may_not_be_stored_are_asked_for_twice_a_minute_and_not_for_every_stranger(
    world: World,
) -> None:
    world.published.publish(JWKS_URI, jwks_of(KEY), cache_control="private, max-age=3600")
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": forged(world, "another key")}
    for _ in range(20):
        form = {"grant_type": "refresh_token", "client_id": "jwt by uri", **proof}
        check_refused(await world.token(form))
    assert world.published.asked == [JWKS_URI]


async def test_new_keys_are_asked_for_when_an_assertion_names_one_but_not_for_every_stranger(world: World) -> None:
    assert (await redeem(world, "jwt by uri", assertion(world, "jwt by uri"))).status_code == 200
    world.published.publish(JWKS_URI, jwks_of(OTHER_KEY))
    for _ in range(3):
        check_refused(await redeem(world, "jwt by uri", assertion(world, "jwt by uri", OTHER_KEY)))
    assert len(world.published.asked) == 1
    world.clock.advance(timedelta(seconds=30))
    assert (await redeem(world, "jwt by uri", assertion(world, "jwt by uri", OTHER_KEY))).status_code == 200
    check_refused(await redeem(world, "jwt by uri", assertion(world, "jwt by uri", KEY)))
    assert len(world.published.asked) == 2


@pytest.mark.requirement("OP-04")
async def test_keys_that_cannot_be_fetched_are_an_outage_and_no_failure_of_the_client(world: World) -> None:
    world.published.pages[JWKS_URI] = FetchFailed("down")
    answer = await redeem(world, "jwt by uri", assertion(world, "jwt by uri"))
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


@pytest.mark.parametrize("jwks", [{"keys": []}, {}, {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, {"keys": [{}] * 21}])
async def test_a_key_set_that_is_none_verifies_nothing(world: World, jwks: dict[str, Any]) -> None:
    world.published.publish(JWKS_URI, jwks)
    answer = await redeem(world, "jwt by uri", assertion(world, "jwt by uri"))
    assert answer.status_code == 401


@pytest.mark.requirement("CL-01")
@pytest.mark.parametrize("where", ["jwks", "jwks_uri"])
async def test_a_client_with_a_metadata_document_authenticates_with_the_key_that_it_published(
    world: World, where: str
) -> None:
    keys = {"jwks": jwks_of(KEY)} if where == "jwks" else {"jwks_uri": "https://editor.example/own.json"}
    document = {"client_id": URL_ID, "client_name": "Editor", "redirect_uris": [REDIRECT_URI]}
    world.published.publish(URL_ID, {**document, "token_endpoint_auth_method": "private_key_jwt", **keys})
    world.published.publish("https://editor.example/own.json", jwks_of(KEY))
    assert (await redeem(world, URL_ID, assertion(world, URL_ID))).status_code == 200
    check_refused(await redeem(world, URL_ID))
    check_refused(await redeem(world, URL_ID, assertion(world, URL_ID, OTHER_KEY)))


@pytest.mark.parametrize("kid", [None, "unnamed in the set"])
async def test_a_key_without_a_name_is_found_too(kid: str | None) -> None:
    key = client_key(kid)
    jwks = jwks_of(OTHER_KEY, key)
    jwks["keys"][1].pop("kid", None)
    settings = ClientSettings(redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    world = World(clients={"jwt": settings})
    assert (await redeem(world, "jwt", assertion(world, "jwt", key))).status_code == 200


@pytest.mark.requirement("AZ-04")
async def test_the_consent_page_says_that_the_operator_set_a_client_up() -> None:
    settings = ClientSettings(client_name="Build server", redirect_uris=("https://build.example/cb",))
    world = World(clients={"build": settings})
    page = await world.http.get(ClientApp("build", "https://build.example/cb").authorization_url())
    assert "Build server" in page.text
    assert "set up by whoever runs this gateway" in page.text
    assert "Nobody has verified" not in page.text


@pytest.mark.requirement("DI-05")
async def test_metadata_names_the_ways_that_work() -> None:
    without = World(client_metadata_documents=False)
    url = f"{GATEWAY}/.well-known/oauth-authorization-server"
    bare = (await without.http.get(url)).json()
    assert bare["token_endpoint_auth_methods_supported"] == ["none"]
    assert not {"introspection_endpoint", "token_endpoint_auth_signing_alg_values_supported"} & bare.keys()
    every = (await World(clients=CLIENTS).http.get(url)).json()
    methods = {"none", "client_secret_basic", "client_secret_post", "private_key_jwt"}
    assert set(every["token_endpoint_auth_methods_supported"]) == methods
    assert set(every["introspection_endpoint_auth_methods_supported"]) == methods - {"none"}
    assert "ES256" in every["token_endpoint_auth_signing_alg_values_supported"]
    assert "HS256" not in every["token_endpoint_auth_signing_alg_values_supported"]
