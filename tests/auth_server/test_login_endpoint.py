"""`GET /login`: what a gateway may ask for, and what is refused before anybody is sent anywhere."""

from urllib.parse import quote

import pytest

from tests.support.auth_server import (
    ATTEMPTS,
    AUTH,
    CHALLENGE,
    GATEWAY_URI,
    AuthServerWorld,
    asked_of,
    check_page,
    check_sent_back,
)

pytestmark = pytest.mark.anyio

LOGIN = f"/login?gateway_uri={quote(GATEWAY_URI, safe='')}"


@pytest.mark.requirement("BR-03", "AZ-01")
@pytest.mark.parametrize("prefix", ["", "/gateway-oauth"])
@pytest.mark.parametrize(
    "gateway_uri",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("https://evil.test/oauth/callback", id="not in the list"),
        pytest.param(GATEWAY_URI + "/more", id="below an entry"),
        pytest.param("not a uri", id="malformed"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param(GATEWAY_URI + "#fragment", id="with a fragment"),
        pytest.param(GATEWAY_URI + "?code=stolen", id="with a code"),
    ],
)
async def test_a_gateway_uri_that_is_not_allowed_is_an_error_page_and_no_redirect(
    auth: AuthServerWorld, gateway_uri: str | None, prefix: str
) -> None:
    answer = await auth.login(gateway_uri=gateway_uri, prefix=prefix)

    check_page(answer, 400, "invalid_request", "gateway_uri")
    assert "set-cookie" not in answer.headers
    assert not auth.store.written
    assert not auth.provider.asked


@pytest.mark.requirement("BR-03", "AZ-01")
async def test_a_gateway_uri_that_is_not_allowed_is_refused_before_anybody_is_asked_to_choose_a_provider() -> None:
    auth = AuthServerWorld(providers=("azure", "google"))

    check_page(await auth.login(gateway_uri="https://evil.test/cb"), 400, "invalid_request")


@pytest.mark.requirement("AZ-01", "AZ-08")
@pytest.mark.parametrize(
    ("query", "says"),
    [
        pytest.param("&provider=other", "configured: test", id="unknown provider"),
        pytest.param("&provider=%3Cscript%3E", "configured: test", id="provider that is markup"),
        pytest.param("&redirect_uri=https%3A%2F%2Fevil.test", "redirect_uri is not the one", id="other redirect_uri"),
        pytest.param(f"&redirect_uri={AUTH}/callback/", "redirect_uri is not the one", id="nearly our redirect_uri"),
        pytest.param("&prompt=everything", "Prompt has a value", id="unknown prompt"),
        pytest.param(f"&code_challenge={CHALLENGE}", "must be S256", id="challenge without a method"),
        pytest.param(f"&code_challenge={CHALLENGE}&code_challenge_method=plain", "must be S256", id="plain PKCE"),
        pytest.param("&state=a&state=b", "parameter state is repeated", id="repeated state"),
        pytest.param(f"&gateway_uri={GATEWAY_URI}", "parameter gateway_uri is repeated", id="repeated gateway_uri"),
        pytest.param("&scope=&scope=", "parameter scope is repeated", id="repeated empty scope"),
        pytest.param(f"&state={'x' * 2049}", "parameter state is longer", id="endless state"),
        pytest.param("&state=%FF", "not readable as UTF-8", id="state that is not UTF-8"),
    ],
)
async def test_a_request_out_of_order_is_an_error_page_and_no_redirect(
    auth: AuthServerWorld, query: str, says: str
) -> None:
    answer = await auth.get(LOGIN + query)

    check_page(answer, 400, "invalid_request", says)
    assert "<script" not in answer.text
    assert "set-cookie" not in answer.headers
    assert not auth.store.written
    assert not auth.provider.asked


@pytest.mark.requirement("AZ-02")
async def test_a_gateway_without_a_challenge_hears_that_it_is_required() -> None:
    auth = AuthServerWorld(proxy={"require_pkce": True})

    check_sent_back(await auth.login(), "invalid_request")
    assert not auth.store.written
    assert (await auth.login(code_challenge=CHALLENGE, code_challenge_method="S256")).status_code == 302
    assert auth.store.kept(ATTEMPTS)


@pytest.mark.requirement("BR-06")
async def test_our_own_redirect_uri_may_be_repeated_by_the_gateway(auth: AuthServerWorld) -> None:
    asked = asked_of(await auth.login(redirect_uri=f"{AUTH}/callback"))

    assert asked["redirect_uri"] == f"{AUTH}/callback"


@pytest.mark.requirement("BR-04")
async def test_the_provider_is_asked_for_the_scope_that_both_sides_want(auth: AuthServerWorld) -> None:
    asked = asked_of(await auth.login(scope="email admin", prompt="select_account", login_hint="alice@example.com"))

    assert asked["scope"] == "openid email offline_access"
    assert (asked["prompt"], asked["login_hint"]) == ("select_account", "alice@example.com")


@pytest.mark.requirement("BR-04")
async def test_a_provider_gets_the_parameters_that_its_configuration_adds() -> None:
    auth = AuthServerWorld(configured={"authorization_parameters": {"access_type": "offline", "prompt": "consent"}})

    asked = asked_of(await auth.login())

    assert (asked["access_type"], asked["prompt"]) == ("offline", "consent")
    assert asked_of(await auth.login(prompt="login"))["prompt"] == "consent login"
    assert asked_of(await auth.login(prompt="none"))["prompt"] == "none"


@pytest.mark.requirement("BR-02")
async def test_the_query_of_an_authorization_endpoint_is_kept() -> None:
    auth = AuthServerWorld(provider={"metadata": {"authorization_endpoint": "https://idp.test/authorize?policy=b2c"}})

    asked = asked_of(await auth.login())

    assert (asked["policy"], asked["client_id"]) == ("b2c", "broker")


@pytest.mark.requirement("OP-06")
async def test_the_host_that_a_request_names_changes_nothing(auth: AuthServerWorld) -> None:
    headers = {"Host": "evil.test", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http"}

    answer = await auth.browser.get(LOGIN, headers=headers)

    assert asked_of(answer)["redirect_uri"] == f"{AUTH}/callback"
    assert answer.headers["set-cookie"].startswith("__Host-")
    assert "evil.test" not in str(answer.headers)


@pytest.mark.requirement("BR-06")
@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT"])
async def test_login_is_for_get_alone(auth: AuthServerWorld, method: str) -> None:
    answer = await auth.browser.request(method, LOGIN)

    assert answer.status_code == 405
    assert "location" not in answer.headers
    assert not auth.store.written
