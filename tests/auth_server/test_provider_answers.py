"""Providers that answer what they must not: the gateway hears of it, and nothing that could be used is kept."""

from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from tests.support.auth_server import ATTEMPTS, CODES, AuthServerWorld, check_sent_back
from tests.support.openid_provider import OpenIDProvider

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-04")]

HTML = HTMLResponse("<h1>Welcome</h1>")
TOO_LONG = PlainTextResponse("x" * (1024 * 1024 + 1))


@pytest.mark.parametrize(
    ("instead", "error"),
    [
        pytest.param(HTML, "server_error", id="HTML"),
        pytest.param(Response(), "server_error", id="nothing"),
        pytest.param(JSONResponse(["a list"]), "server_error", id="JSON array"),
        pytest.param(Response(b"\xff\xfe"), "server_error", id="bytes that are no text"),
        pytest.param(JSONResponse({"error": "not_found"}, 404), "server_error", id="404"),
        pytest.param(RedirectResponse("https://elsewhere.test"), "server_error", id="redirect"),
        pytest.param(HTMLResponse("<h1>Error</h1>", 500), "temporarily_unavailable", id="500"),
        pytest.param(HTMLResponse("<h1>Bad gateway</h1>", 502), "temporarily_unavailable", id="502"),
        pytest.param(JSONResponse({}, 429), "temporarily_unavailable", id="429"),
        pytest.param(TOO_LONG, "temporarily_unavailable", id="endless"),
    ],
)
@pytest.mark.parametrize("endpoint", ["metadata", "keys", "token"])
async def test_an_endpoint_that_answers_nonsense_is_reported_to_the_gateway(
    auth: AuthServerWorld, endpoint: str, instead: Response, error: str
) -> None:
    auth.provider.instead[endpoint] = instead

    login = await auth.login()
    answer = login if endpoint == "metadata" else await auth.get(await auth.approve(login))

    check_sent_back(answer, error)
    assert auth.provider.times_asked(endpoint) == 1
    assert len(auth.store.kept(ATTEMPTS)) == (0 if endpoint == "metadata" else 1)
    assert not auth.store.kept(CODES)


@pytest.mark.parametrize("status", [302, 400, 404])
@pytest.mark.parametrize("endpoint", ["metadata", "keys", "token"])
async def test_an_answer_with_the_status_of_another_is_not_used_whatever_it_says(
    auth: AuthServerWorld, endpoint: str, status: int
) -> None:
    auth.provider.statuses[endpoint] = status

    login = await auth.login()
    answer = login if endpoint == "metadata" else await auth.get(await auth.approve(login))

    check_sent_back(answer, "server_error")
    assert not auth.store.kept(CODES)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"issuer": "https://evil.test"}, id="another issuer"),
        pytest.param({"issuer": "https://idp.test/"}, id="nearly the issuer"),
        pytest.param({"issuer": None}, id="no issuer"),
        pytest.param({"authorization_endpoint": None}, id="no authorization endpoint"),
        pytest.param({"authorization_endpoint": "javascript:alert(1)"}, id="authorization endpoint that is a script"),
        pytest.param({"authorization_endpoint": "http://idp.test/authorize"}, id="authorization endpoint without TLS"),
        pytest.param({"token_endpoint": ["https://idp.test/token"]}, id="list of token endpoints"),
        pytest.param({"token_endpoint": "http://idp.test/token"}, id="token endpoint without TLS"),
        pytest.param({"token_endpoint": "/token"}, id="relative token endpoint"),
        pytest.param({"jwks_uri": None}, id="no keys"),
        pytest.param({"jwks_uri": "file:///etc/passwd"}, id="keys in a file"),
    ],
)
@pytest.mark.requirement("BR-02")
async def test_metadata_out_of_order_is_not_used(auth: AuthServerWorld, changed: dict[str, Any]) -> None:
    auth.provider.metadata = changed

    check_sent_back(await auth.login(), "server_error")
    assert auth.provider.asked.keys() == {"metadata"}
    assert not auth.store.written


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"id_token": None}, id="no ID token"),
        pytest.param({"id_token": ["token"]}, id="list of ID tokens"),
        pytest.param({"id_token": ""}, id="empty ID token"),
        pytest.param({"access_token": None}, id="no access token"),
        pytest.param({"access_token": 7}, id="access token that is a number"),
        pytest.param({"expires_in": "soon"}, id="lifetime in words"),
        pytest.param({"scope": 7}, id="scope that is a number"),
        pytest.param({"scope": {"openid": True}}, id="scope that is an object"),
        pytest.param({"error": "invalid_client"}, id="error with tokens"),
        pytest.param({"error": ["invalid_client"]}, id="list of errors"),
    ],
)
async def test_a_token_response_out_of_order_is_not_used(auth: AuthServerWorld, changed: dict[str, Any]) -> None:
    auth.provider.members = changed

    check_sent_back(await auth.complete(), "server_error")
    assert auth.provider.times_asked("token") == 1
    assert not auth.store.kept(CODES)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"token_type": None}, id="no token type"),
        pytest.param({"token_type": "bearer"}, id="token type in lower case"),
        pytest.param({"scope": ["openid", "email"]}, id="list of scopes"),
        pytest.param({"scope": "openid"}, id="fewer scopes than asked"),
        pytest.param({"refresh_token": 7}, id="refresh token that is a number"),
        pytest.param({"further": {"deep": [None]}}, id="member of the provider's own"),
    ],
)
async def test_a_token_response_of_a_provider_with_habits_of_its_own_is_used(
    auth: AuthServerWorld, changed: dict[str, Any]
) -> None:
    auth.provider.members = changed

    tokens = await auth.tokens()

    assert tokens["user"]["sub"] == "248289761001"
    assert tokens["token_type"].lower() == "bearer"
    assert isinstance(tokens["scope"], str)


@pytest.mark.parametrize(
    "registered",
    [
        pytest.param({"client_secret": "changed"}, id="secret"),
        pytest.param({"auth_methods": ("private_key_jwt",)}, id="way of authenticating"),
    ],
)
async def test_a_provider_that_does_not_know_us_is_a_fault_and_no_denial(
    auth: AuthServerWorld, registered: dict[str, Any]
) -> None:
    for name, value in registered.items():
        setattr(auth.provider, name, value)

    check_sent_back(await auth.complete(), "server_error")
    assert not auth.store.kept(CODES)


async def test_the_provider_of_these_tests_takes_neither_a_code_twice_nor_a_wrong_verifier(
    auth: AuthServerWorld,
) -> None:
    await auth.complete()
    form = dict(auth.provider.asked["token"][0])
    credentials = (auth.provider.client_id, auth.provider.client_secret)

    async def redeem(**changed: str) -> tuple[int, Any]:
        answer = await auth.internet.post(
            f"{auth.provider.issuer}/token", data=form | changed, auth=quoted(auth.provider)
        )
        return answer.status_code, answer.json().get("error")

    assert credentials == ("broker", "s3cret/with+signs")
    assert await redeem() == (400, "invalid_grant")
    code = (await auth.begin()).partition("code=")[2].partition("&")[0]
    assert await redeem(code=code) == (400, "invalid_grant")


def quoted(provider: OpenIDProvider) -> tuple[str, str]:
    """The provider's client's credentials, as RFC 6749 §2.3.1 has them in a header."""
    return provider.client_id, provider.client_secret.replace("/", "%2F").replace("+", "%2B")
