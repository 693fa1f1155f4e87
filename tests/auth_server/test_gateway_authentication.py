"""Gateways that authenticate: what is theirs is nobody else's, and who needs no credentials needs none."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import pytest

from auth_server.settings.gateways import GatewaySettings
from authproxy_common.http.fetching import FetchFailed
from authproxy_common.secret import Secret
from tests.support.auth_server import AUTH, GATEWAY_URI, AuthServerWorld, bearing, check_json
from tests.support.client_assertions import assertion_form, client_key, jwks_of

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-11")]

SECRET, OTHER_SECRET = "the secret: of a gateway, 100% ünique", "the secret of another gateway"
KEY, OTHER_KEY = client_key(), client_key("key-2")
KEYS_URI = "https://keyed.test/keys.json"
WIKI, SHOP, SIGNED, KEYED = (f"https://{name}.test/cb" for name in ("wiki", "shop", "signed", "keyed"))
GATEWAYS = {
    "wiki": GatewaySettings(allowed_redirect_uris=(WIKI,), client_secret=Secret(SECRET)),
    "shop": GatewaySettings(allowed_redirect_uris=(SHOP,), client_secret=Secret(OTHER_SECRET)),
    "signed": GatewaySettings(allowed_redirect_uris=(SIGNED,), jwks=jwks_of(KEY)),
    "keyed": GatewaySettings(allowed_redirect_uris=(KEYED,), jwks_uri=KEYS_URI),
}
UNAUTHENTICATED = ["/refresh", "/revoke", "/validate", "/userinfo"]


@pytest.fixture
def auth() -> AuthServerWorld:
    made = AuthServerWorld(gateways=GATEWAYS)
    made.published.publish(KEYS_URI, jwks_of(KEY))
    return made


def basic(name: str = "wiki", secret: str = SECRET) -> dict[str, Any]:
    return {"auth": httpx.BasicAuth(quote(name, safe=""), quote(secret, safe=""))}


def posted(name: str = "wiki", secret: str = SECRET) -> dict[str, Any]:
    return {"data": {"client_id": name, "client_secret": secret}}


def asserted(auth: AuthServerWorld, name: str, key: Any = KEY, audience: Any = AUTH, **changed: Any) -> dict[str, Any]:
    return {"data": assertion_form(name, audience, auth.clock(), key, **changed)}


async def code_for(auth: AuthServerWorld, gateway_uri: str) -> str:
    """A code that was sent to `gateway_uri`."""
    answer = await auth.complete(gateway_uri=gateway_uri)
    assert answer.headers["location"].startswith(f"{gateway_uri}?"), answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


async def exchange(auth: AuthServerWorld, code: str, gateway_uri: str, proof: dict[str, Any]) -> httpx.Response:
    form = {"code": code, "gateway_uri": gateway_uri, **proof.get("data", {})}
    return await auth.post("/gateway-oauth/exchange", **{**proof, "data": form})


def check_unauthenticated(answer: httpx.Response) -> None:
    check_json(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_each_gateway_authenticates_with_its_secret_in_either_place_or_with_its_key(
    auth: AuthServerWorld,
) -> None:
    answers = [
        await exchange(auth, await code_for(auth, WIKI), WIKI, basic()),
        await exchange(auth, await code_for(auth, WIKI), WIKI, posted()),
        await exchange(auth, await code_for(auth, SIGNED), SIGNED, asserted(auth, "signed")),
        await exchange(auth, await code_for(auth, KEYED), KEYED, asserted(auth, "keyed")),
    ]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(answer.json()["user"]["sub"] for answer in answers)


async def test_credentials_come_as_json_too(auth: AuthServerWorld) -> None:
    body = {"code": await code_for(auth, WIKI), "gateway_uri": WIKI, "client_id": "wiki", "client_secret": SECRET}

    assert (await auth.post("/gateway-oauth/exchange", json=body)).status_code == 200


@pytest.mark.parametrize(
    "proof",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"data": {"client_id": "wiki"}}, id="its name alone"),
        pytest.param(basic(secret=""), id="an empty secret"),
        pytest.param(basic(secret="a guess"), id="a wrong secret"),
        pytest.param(basic(secret=SECRET[:-1]), id="a part of the secret"),
        pytest.param(posted(secret=OTHER_SECRET), id="another gateway's secret"),
        pytest.param(basic("nobody"), id="a name that nobody has"),
        pytest.param(basic("signed"), id="a secret of one that has a key"),
        pytest.param({"headers": {"Authorization": "Basic !"}}, id="nonsense"),
        pytest.param({"headers": {"Authorization": "Bearer x"}}, id="a bearer token"),
    ],
)
async def test_a_code_of_a_gateway_with_credentials_is_for_nobody_who_lacks_them_and_not_spent_by_their_attempt(
    auth: AuthServerWorld, proof: dict[str, Any]
) -> None:
    code = await code_for(auth, WIKI)

    check_unauthenticated(await exchange(auth, code, WIKI, proof))

    assert (await exchange(auth, code, WIKI, basic())).status_code == 200


async def test_a_code_of_one_gateway_is_not_another_ones(auth: AuthServerWorld) -> None:
    code = await code_for(auth, WIKI)

    check_json(await exchange(auth, code, WIKI, basic("shop", OTHER_SECRET)), 400, "invalid_grant")
    check_json(await exchange(auth, code, WIKI, asserted(auth, "signed")), 400, "invalid_grant")
    assert (await exchange(auth, code, WIKI, basic())).status_code == 200


async def test_naming_a_uri_of_ones_own_does_not_open_a_code_of_another_gateway(auth: AuthServerWorld) -> None:
    for gateway_uri, proof in ((SHOP, basic("shop", OTHER_SECRET)), (GATEWAY_URI, {})):
        code = await code_for(auth, WIKI)
        check_json(await exchange(auth, code, gateway_uri, proof), 400, "invalid_grant")


async def test_a_uri_that_no_gateway_has_for_its_own_needs_no_credentials(auth: AuthServerWorld) -> None:
    assert (await auth.exchange(await auth.code())).status_code == 200
    check_json(await exchange(auth, await auth.code(), GATEWAY_URI, basic()), 400, "invalid_grant")


# The settings refuse such wildcards; what would come of them is closed all the same.
@pytest.mark.parametrize(
    ("listed", "own"),
    [
        pytest.param((WIKI,), (WIKI,), id="listed too"),
        pytest.param(("https://wiki.test/*",), (WIKI,), id="below a wildcard of the list"),
        pytest.param(("https://wiki.test/*",), ("https://wiki.test:*/cb",), id="met by two wildcards"),
        pytest.param(("https://wiki.test/*",), ("https://wiki.test/*",), id="the same wildcard"),
    ],
)
async def test_what_is_a_gateways_own_is_so_whatever_the_list_says(
    listed: tuple[str, ...], own: tuple[str, ...]
) -> None:
    auth = AuthServerWorld(
        gateways={"wiki": GatewaySettings(allowed_redirect_uris=own, client_secret=Secret(SECRET))},
        proxy={"allowed_redirect_uris": listed, "strict_uri_validation": False},
    )
    code = await code_for(auth, WIKI)

    check_unauthenticated(await exchange(auth, code, WIKI, {}))
    # The exchange compares letter by letter, but whose it is does not depend on how it is spelt.
    check_unauthenticated(await exchange(auth, code, WIKI.replace("wiki.test", "WIKI.test:443"), {}))
    assert (await exchange(auth, code, WIKI, basic())).status_code == 200


BAD_CLAIMS: list[Any] = [
    pytest.param({"aud": "https://other.test"}, id="another audience"),
    pytest.param({"aud": [AUTH, "https://other.test"]}, id="an audience shared with another"),
    pytest.param({"iss": "wiki"}, id="another issuer"),
    pytest.param({"sub": "wiki"}, id="another subject"),
    pytest.param({"exp": 1}, id="over long ago"),
    pytest.param({"exp": None}, id="no end"),
    pytest.param({"jti": None}, id="no jti"),
]


@pytest.mark.parametrize("changed", BAD_CLAIMS)
async def test_an_assertion_with_a_wrong_claim_is_refused(auth: AuthServerWorld, changed: dict[str, Any]) -> None:
    code = await code_for(auth, SIGNED)

    check_unauthenticated(await exchange(auth, code, SIGNED, asserted(auth, "signed", **changed)))

    assert (await exchange(auth, code, SIGNED, asserted(auth, "signed"))).status_code == 200


@pytest.mark.parametrize("audience", [AUTH, f"{AUTH}/", f"{AUTH}/gateway-oauth/exchange"])
async def test_an_assertion_is_for_us_by_any_of_our_names(auth: AuthServerWorld, audience: str) -> None:
    proof = asserted(auth, "signed", audience=audience)

    assert (await exchange(auth, await code_for(auth, SIGNED), SIGNED, proof)).status_code == 200


async def test_an_assertion_that_another_key_signed_is_refused(auth: AuthServerWorld) -> None:
    code = await code_for(auth, SIGNED)

    check_unauthenticated(await exchange(auth, code, SIGNED, asserted(auth, "signed", OTHER_KEY)))


async def test_an_assertion_is_good_once_at_whichever_replica(auth: AuthServerWorld) -> None:
    proof = asserted(auth, "signed")
    assert (await exchange(auth, await code_for(auth, SIGNED), SIGNED, proof)).status_code == 200
    code = await code_for(auth, SIGNED)
    other = auth.another_browser(auth.replica())

    form = {"code": code, "gateway_uri": SIGNED, **proof["data"]}
    check_unauthenticated(await other.post("/gateway-oauth/exchange", data=form))

    assert 'event="client_assertion_replayed"} 1.0' in (await auth.get("/metrics", other)).text
    marks = auth.store.kept("auth-server:used-assertion")
    assert marks
    assert all(timedelta(minutes=5) < mark.ttl <= timedelta(hours=1, minutes=5) for mark in marks)


async def test_keys_are_fetched_once_and_again_for_a_key_that_is_new(auth: AuthServerWorld) -> None:
    for _ in range(2):
        assert (await exchange(auth, await code_for(auth, KEYED), KEYED, asserted(auth, "keyed"))).status_code == 200
    assert auth.published.asked == [KEYS_URI]
    auth.published.publish(KEYS_URI, jwks_of(OTHER_KEY))
    auth.clock.advance(timedelta(seconds=30))

    code = await code_for(auth, KEYED)
    assert (await exchange(auth, code, KEYED, asserted(auth, "keyed", OTHER_KEY))).status_code == 200
    assert len(auth.published.asked) == 2


@pytest.mark.requirement("OP-04")
async def test_keys_that_cannot_be_fetched_are_an_outage_and_spend_nothing(auth: AuthServerWorld) -> None:
    keys, auth.published.pages[KEYS_URI] = auth.published.pages[KEYS_URI], FetchFailed("down")
    code = await code_for(auth, KEYED)

    check_json(await exchange(auth, code, KEYED, asserted(auth, "keyed")), 503, "temporarily_unavailable")

    auth.published.pages[KEYS_URI] = keys
    auth.clock.advance(timedelta(seconds=30))
    assert (await exchange(auth, code, KEYED, asserted(auth, "keyed"))).status_code == 200


@pytest.mark.parametrize("name", ["client_secret", "client_assertion"])
@pytest.mark.parametrize("with_body", [True, False])
async def test_credentials_in_a_url_are_refused(auth: AuthServerWorld, name: str, with_body: bool) -> None:
    code = await code_for(auth, WIKI)
    values = {"code": code, "gateway_uri": WIKI, "client_id": "wiki"}
    proof = {name: SECRET}
    sent: dict[str, Any] = {"data": values, "params": proof} if with_body else {"params": {**values, **proof}}

    answer = await auth.post("/gateway-oauth/exchange", **sent)

    check_json(answer, 400, "invalid_request")
    assert (await exchange(auth, code, WIKI, basic())).status_code == 200


async def test_several_ways_at_once_are_refused(auth: AuthServerWorld) -> None:
    proof = {**basic(), **posted()}

    check_json(await exchange(auth, await code_for(auth, WIKI), WIKI, proof), 400, "invalid_request")


def call_of(name: str, tokens: dict[str, Any]) -> dict[str, Any]:
    """A call of the endpoint called `name`, in order but for the gateway's credentials."""
    match name:
        case "/refresh":
            return {"data": {"provider": "test", "refresh_token": tokens["refresh_token"]}}
        case "/revoke":
            return {"data": {"provider": "test", "token": tokens["access_token"]}}
        case _:
            return {"data": {"provider": "test"}, "headers": bearing(tokens["access_token"])}


async def tokens_of(auth: AuthServerWorld) -> dict[str, Any]:
    answer = await exchange(auth, await code_for(auth, WIKI), WIKI, basic())
    tokens: dict[str, Any] = answer.json()
    return tokens


def with_proof(call: dict[str, Any], proof: dict[str, Any]) -> dict[str, Any]:
    return {**call, "data": {**call["data"], **proof["data"]}}


@pytest.mark.parametrize("name", UNAUTHENTICATED)
async def test_who_presents_wrong_credentials_gets_nothing_and_the_provider_is_not_asked(
    auth: AuthServerWorld, name: str
) -> None:
    call = call_of(name, await tokens_of(auth))
    before = {endpoint: len(asked) for endpoint, asked in auth.provider.asked.items()}

    for proof in (posted(secret="a guess"), posted("nobody"), asserted(auth, "signed", OTHER_KEY)):
        check_unauthenticated(await auth.post(f"/gateway-oauth{name}", **with_proof(call, proof)))

    assert {endpoint: len(asked) for endpoint, asked in auth.provider.asked.items()} == before
    for proof in (posted(), asserted(auth, "signed"), {"data": {}}):
        answer = await auth.post(f"/gateway-oauth{name}", **with_proof(call, proof))
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", UNAUTHENTICATED)
async def test_where_every_uri_is_some_gateways_own_everybody_has_to_authenticate(name: str) -> None:
    auth = AuthServerWorld(gateways=GATEWAYS, proxy={"allowed_redirect_uris": ()})
    call = call_of(name, await tokens_of(auth))

    check_unauthenticated(await auth.post(f"/gateway-oauth{name}", **call))
    assert (await auth.post(f"/gateway-oauth{name}", **with_proof(call, posted()))).status_code == 200
    check_unauthenticated(await exchange(auth, "gc_whatever", GATEWAY_URI, {}))


@pytest.mark.parametrize("path", ["/refresh_token", "/is_token_valid", "/user_info"])
@pytest.mark.parametrize("prefix", ["", "/gateway-oauth"])
async def test_an_older_name_is_no_way_around(path: str, prefix: str) -> None:
    auth = AuthServerWorld(gateways=GATEWAYS, proxy={"allowed_redirect_uris": ()})
    tokens = await tokens_of(auth)
    name = {"/refresh_token": "/refresh", "/is_token_valid": "/validate", "/user_info": "/userinfo"}[path]

    check_unauthenticated(await auth.post(prefix + path, **call_of(name, tokens)))


async def test_while_no_gateway_is_configured_nobody_is_asked_for_anything() -> None:
    auth = AuthServerWorld()

    for proof in (basic(), posted(), {"headers": {"Authorization": "Basic !"}}):
        assert (await exchange(auth, await auth.code(), GATEWAY_URI, proof)).status_code == 200


@pytest.mark.requirement("BR-05")
async def test_a_code_is_for_the_provider_that_the_exchange_names() -> None:
    auth = AuthServerWorld(providers=("azure", "google"))

    check_json(await auth.exchange(await auth.code(provider="azure"), provider="google"), 400, "invalid_grant")
    assert (await auth.exchange(await auth.code(provider="azure"), provider="azure")).status_code == 200


async def test_the_uris_of_gateways_are_allowed_and_no_others(auth: AuthServerWorld) -> None:
    assert (await auth.login(gateway_uri=WIKI)).status_code == 302
    assert (await auth.login(gateway_uri=WIKI + "/x")).status_code == 400
    assert (await auth.get(f"/login?{urlencode({'gateway_uri': 'https://wiki.test'})}")).status_code == 400
