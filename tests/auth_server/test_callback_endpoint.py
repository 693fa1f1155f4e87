"""`GET /callback`: whose sign-in it is, and what becomes of the provider's answer."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from tests.support.auth_server import CODES, AuthServerWorld, answer_of, check_page, check_sent_back, provider_settings

pytestmark = pytest.mark.anyio


def check_refused_without_asking(auth: AuthServerWorld, codes: int = 0) -> None:
    """The provider was not asked for tokens, and no code was made."""
    assert auth.provider.times_asked("token") == codes
    assert len(auth.store.kept(CODES)) == codes


@pytest.mark.requirement("BR-06")
@pytest.mark.parametrize(
    "path",
    ["/callback", "/gateway-oauth/callback", "/callback/test", "/gateway-oauth/callback/test"],
)
@pytest.mark.parametrize(
    "query",
    [
        pytest.param("", id="nothing"),
        pytest.param("?code=x", id="no state"),
        pytest.param("?code=x&state=", id="empty state"),
        pytest.param("?code=x&state=st_unknown", id="unknown state"),
        pytest.param("?error=access_denied&state=st_unknown", id="error for an unknown state"),
    ],
)
async def test_an_answer_to_no_sign_in_is_an_error_page(auth: AuthServerWorld, path: str, query: str) -> None:
    check_page(await auth.get(path + query), 400, "invalid_request", "sign in again, in this browser")
    check_refused_without_asking(auth)


@pytest.mark.requirement("BR-06")
async def test_a_sign_in_is_finished_once(auth: AuthServerWorld) -> None:
    callback = await auth.begin()
    assert "code" in answer_of(await auth.get(callback))

    check_page(await auth.get(callback), 400, "already finished", "sign in again, in this browser")
    check_refused_without_asking(auth, codes=1)


@pytest.mark.requirement("BR-06")
async def test_a_sign_in_ends_within_its_time(auth: AuthServerWorld) -> None:
    in_time, late = await auth.begin(), await auth.begin()
    auth.clock.advance(timedelta(seconds=599))
    assert "code" in answer_of(await auth.get(in_time))
    auth.clock.advance(timedelta(seconds=1))

    check_page(await auth.get(late), 400, "took too long", "sign in again, in this browser")
    check_refused_without_asking(auth, codes=1)


@pytest.mark.requirement("BR-06")
@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param(None, id="no cookie"),
        pytest.param("x" * 43, id="another cookie"),
        pytest.param("short", id="a cookie that is none of ours"),
        pytest.param("", id="an empty cookie"),
    ],
)
async def test_a_sign_in_is_finished_in_the_browser_that_began_it(auth: AuthServerWorld, cookie: str | None) -> None:
    callback = await auth.begin()
    stranger = auth.another_browser()
    if cookie is not None:
        stranger.headers["Cookie"] = f"__Host-auth_server_browser={cookie}"

    check_page(await auth.get(callback, stranger), 400, "another browser", "sign in again, in this browser")
    check_refused_without_asking(auth)


@pytest.mark.requirement("BR-06")
async def test_a_cookie_without_the_host_prefix_ties_nothing(auth: AuthServerWorld) -> None:
    callback = await auth.begin()
    (value,) = auth.browser.cookies.values()
    neighbour = auth.another_browser()
    neighbour.headers["Cookie"] = f"auth_server_browser={value}"

    check_page(await auth.get(callback, neighbour), 400, "another browser")
    check_refused_without_asking(auth)


@pytest.mark.requirement("BR-06")
@pytest.mark.parametrize(
    ("provider_says", "gateway_hears"),
    [
        ("access_denied", "access_denied"),
        ("login_required", "access_denied"),
        ("consent_required", "access_denied"),
        ("interaction_required", "access_denied"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("invalid_scope", "invalid_scope"),
        ("server_error", "server_error"),
        ("unauthorized_client", "server_error"),
        ("<script>alert(1)</script>", "server_error"),
    ],
)
async def test_a_provider_that_refuses_is_reported_to_the_gateway_in_our_own_words(
    auth: AuthServerWorld, provider_says: str, gateway_hears: str
) -> None:
    auth.provider.denies_with = provider_says

    answer = await auth.complete()

    check_sent_back(answer, gateway_hears)
    assert "identity provider" in answer_of(answer)["error_description"]
    assert "alert" not in answer.headers["location"]
    check_refused_without_asking(auth)


@pytest.mark.requirement("BR-06")
async def test_a_refused_sign_in_is_finished(auth: AuthServerWorld) -> None:
    auth.provider.denies_with = "access_denied"
    callback = await auth.begin()
    await auth.get(callback)

    check_page(await auth.get(callback), 400, "already finished")


@pytest.mark.requirement("BR-06")
async def test_an_answer_with_neither_code_nor_error_is_reported_to_the_gateway(auth: AuthServerWorld) -> None:
    callback = await auth.begin()

    check_sent_back(await auth.get(callback.replace("code=", "kode=")), "invalid_request")
    check_refused_without_asking(auth)


@pytest.mark.requirement("BR-02")
@pytest.mark.parametrize("answers", [{"code": "x"}, {"error": "access_denied"}], ids=["code", "error"])
@pytest.mark.parametrize(
    ("sends_issuer", "iss"),
    [
        pytest.param(True, "https://evil.test", id="another issuer"),
        pytest.param(True, "https://idp.test/", id="nearly the issuer"),
        pytest.param(True, None, id="no issuer though the metadata promises it"),
        pytest.param(False, "https://evil.test", id="another issuer, unpromised"),
    ],
)
async def test_an_answer_of_another_provider_is_not_used(
    auth: AuthServerWorld, sends_issuer: bool, iss: str | None, answers: dict[str, str]
) -> None:
    auth.provider.sends_issuer = sends_issuer
    state = (await auth.begin()).partition("state=")[2].partition("&")[0]
    forged = urlencode(answers | {"state": state} | ({"iss": iss} if iss else {}))

    check_sent_back(await auth.get(f"/callback?{forged}"), "server_error")
    check_refused_without_asking(auth)


@pytest.mark.requirement("BR-02")
@pytest.mark.parametrize("sends_issuer", [True, False])
async def test_an_answer_of_the_provider_that_was_asked_is_used(auth: AuthServerWorld, sends_issuer: bool) -> None:
    auth.provider.sends_issuer = sends_issuer
    callback = await auth.begin()
    assert ("iss=https" in callback) is sends_issuer

    assert "code" in answer_of(await auth.get(callback))


@pytest.mark.requirement("BR-02")
async def test_a_code_of_another_sign_in_is_not_accepted_by_the_provider(auth: AuthServerWorld) -> None:
    victims, attackers = await auth.begin(), await auth.begin()
    injected = attackers.partition("code=")[2].partition("&")[0]
    own = victims.partition("code=")[2].partition("&")[0]

    answer = answer_of(await auth.get(victims.replace(own, injected)))

    assert answer["error"] == "server_error"
    assert "code" not in answer
    assert not auth.store.kept(CODES)


@pytest.mark.requirement("AZ-08")
@pytest.mark.parametrize("name", ["state", "code", "iss", "error"])
async def test_a_repeated_parameter_is_refused_and_the_sign_in_goes_on(auth: AuthServerWorld, name: str) -> None:
    callback = await auth.begin()

    check_page(await auth.get(f"{callback}&{name}=a&{name}=b"), 400, f"parameter {name} is repeated")
    check_refused_without_asking(auth)
    assert "code" in answer_of(await auth.get(callback))


@pytest.mark.requirement("BR-06")
async def test_a_link_scanner_that_looks_with_head_uses_nothing_up(auth: AuthServerWorld) -> None:
    callback = await auth.begin()

    assert (await auth.browser.head(callback)).status_code == 405
    check_refused_without_asking(auth)
    assert "code" in answer_of(await auth.get(callback))


@pytest.mark.requirement("CF-04")
async def test_a_sign_in_whose_provider_was_taken_out_of_the_configuration_is_reported(auth: AuthServerWorld) -> None:
    callback = await auth.begin()
    auth.settings = replace(auth.settings, providers={"renamed": provider_settings(auth.provider)})
    elsewhere = auth.another_browser(auth.replica())
    elsewhere.cookies = auth.browser.cookies

    check_sent_back(await auth.get(callback, elsewhere), "server_error")
    check_refused_without_asking(auth)
