"""The page where a person chooses a provider: what survives it, what is remembered, and how little that can do."""

from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest

from auth_server.settings import AuthServerSettings
from tests.support.auth_server import (
    ATTEMPTS,
    AUTH,
    CHALLENGE,
    GATEWAY_URI,
    STATE,
    VERIFIER,
    AuthServerWorld,
    answer_of,
    asked_of,
    check_page,
    check_sent_back,
    links_of,
    provider_settings,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-12")]

COOKIE = "__Host-auth_server_provider"
PREFIXES = pytest.mark.parametrize("prefix", ["", "/gateway-oauth"])
EVERYTHING = {
    "gateway_uri": GATEWAY_URI,
    "state": STATE,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "scope": "email  profile",
    "prompt": "select_account",
    "login_hint": "älice+x@example.com&provider=evil",
    "redirect_uri": f"{AUTH}/callback",
    "unknown to us": "1 & 2",
}


@pytest.fixture
def auth() -> AuthServerWorld:
    return AuthServerWorld(providers=("azure", "google"))


def choices_of(page: httpx.Response) -> dict[str, str]:
    """The links of the page by their providers; it is a page, for a person, and nothing has happened yet."""
    assert page.status_code == 200, page.text
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "script" not in page.text
    assert "set-cookie" not in page.headers
    links = [link for link in links_of(page) if "?" in link]
    return {parse_qs(urlsplit(link).query)["provider"][0]: link for link in links}


def set_cookies(answer: httpx.Response) -> "dict[str, Morsel[str]]":
    return {
        name: morsel
        for header in answer.headers.get_list("set-cookie")
        for name, morsel in SimpleCookie(header).items()
    }


async def choose(auth: AuthServerWorld, name: str, **changed: Any) -> httpx.Response:
    return await auth.get(choices_of(await auth.login(**changed))[name])


async def page_again(auth: AuthServerWorld, **changed: Any) -> bool:
    return (await auth.login(**changed)).status_code == 200


@PREFIXES
async def test_a_person_chooses_between_several_providers_and_every_link_leads_there(
    auth: AuthServerWorld, prefix: str
) -> None:
    page = await auth.login(prefix=prefix, code_challenge=CHALLENGE, code_challenge_method="S256")

    assert list(choices_of(page)) == ["azure", "google"]
    assert "app.test" in page.text
    assert not auth.store.written
    assert not auth.provider.asked
    for name, link in choices_of(page).items():
        assert link.startswith(f"{AUTH}{prefix}/login?")
        code = answer_of(await auth.get(await auth.approve(await auth.get(link))))["code"]
        assert (await auth.exchange(code, code_verifier=VERIFIER)).json()["provider"] == name


@PREFIXES
async def test_every_parameter_survives_the_page_as_it_was(auth: AuthServerWorld, prefix: str) -> None:
    page = await auth.get(f"{prefix}/login?{urlencode(EVERYTHING)}")

    for name, link in choices_of(page).items():
        pairs = parse_qsl(urlsplit(link).query, strict_parsing=True)
        assert sorted(pairs) == sorted({**EVERYTHING, "provider": name, "remember": "yes"}.items())
        asked = asked_of(await auth.get(link))
        assert (asked["login_hint"], asked["prompt"]) == (EVERYTHING["login_hint"], "select_account")


@pytest.mark.requirement("BR-03")
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"gateway_uri": "https://evil.test/cb"}, id="where the code goes"),
        pytest.param({"gateway_uri": GATEWAY_URI + "#"}, id="where the code goes, with a fragment"),
        pytest.param({"redirect_uri": "https://evil.test/cb"}, id="the provider's redirect_uri"),
        pytest.param({"provider": "evil"}, id="the provider"),
        pytest.param({"provider": "https://evil.test"}, id="the provider, as a URL"),
        pytest.param({"code_challenge_method": "plain"}, id="the challenge's method"),
    ],
)
async def test_a_link_of_the_page_that_is_changed_is_checked_as_if_there_had_been_no_page(
    auth: AuthServerWorld, changed: dict[str, str]
) -> None:
    link = choices_of(await auth.get(f"/login?{urlencode(EVERYTHING)}"))["azure"]
    query = {**dict(parse_qsl(urlsplit(link).query)), **changed}

    answer = await auth.get(f"/login?{urlencode(query)}")

    check_page(answer, 400, "invalid_request")
    assert "set-cookie" not in answer.headers
    assert not auth.store.written


@pytest.mark.requirement("BR-03", "AZ-01")
async def test_nobody_is_asked_to_choose_for_a_request_that_is_refused(auth: AuthServerWorld) -> None:
    auth.browser.headers["Cookie"] = f"{COOKIE}=azure"

    check_page(await auth.login(gateway_uri="https://evil.test/cb"), 400, "gateway_uri")
    check_page(await auth.login(redirect_uri="https://evil.test/cb"), 400, "redirect_uri")


async def test_the_choice_is_remembered_for_every_gateway_and_the_next_sign_in_shows_no_page(
    auth: AuthServerWorld,
) -> None:
    cookie = set_cookies(await choose(auth, "google"))[COOKIE]

    assert cookie.value == "google"
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "lax")
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert int(cookie["max-age"]) == 30 * 24 * 60 * 60
    assert (await auth.tokens())["provider"] == "google"
    assert (await auth.login(prompt="none")).status_code == 302


async def test_a_gateway_that_names_a_provider_spares_the_person_the_choice_and_makes_none_for_them(
    auth: AuthServerWorld,
) -> None:
    login = await auth.login(provider="google")

    assert COOKIE not in set_cookies(login)
    assert await page_again(auth)
    await choose(auth, "azure")
    assert (await auth.tokens(provider="google"))["provider"] == "google"
    assert (await auth.tokens())["provider"] == "azure"
    check_page(await auth.login(provider="okta"), 400, "configured: azure, google")


@pytest.mark.parametrize(
    ("site", "is_remembered"),
    [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False)],
)
async def test_what_another_site_has_a_browser_ask_for_is_not_remembered(
    auth: AuthServerWorld, site: str, is_remembered: bool
) -> None:
    link = choices_of(await auth.login())["azure"]
    auth.browser.headers["Sec-Fetch-Site"] = site

    login = await auth.get(link)

    assert login.status_code == 302
    assert (COOKIE in set_cookies(login)) is is_remembered


@pytest.mark.parametrize(
    "forged",
    ["okta", "AZURE", "azure google", "https://evil.test", "<script>", "..", "a" * 5000, "", "azure; x=y", '"azure'],
)
async def test_a_forged_cookie_is_no_choice(auth: AuthServerWorld, forged: str) -> None:
    auth.browser.headers["Cookie"] = f"{COOKIE}={forged}" if forged != "azure; x=y" else f"x{COOKIE}=azure"

    assert list(choices_of(await auth.login())) == ["azure", "google"]
    assert "Nothing is remembered" in (await auth.get("/login/choice")).text
    assert not auth.store.written


async def test_a_cookie_that_anybody_can_write_chooses_among_what_there_is_and_changes_nothing_else(
    auth: AuthServerWorld,
) -> None:
    honest = asked_of(await auth.login(provider="google", prompt="login"))
    auth.browser = auth.another_browser()
    auth.browser.headers["Cookie"] = f"{COOKIE}=google"

    asked = asked_of(await auth.login(prompt="login"))

    random = {"state", "nonce", "code_challenge"}
    assert {n: v for n, v in asked.items() if n not in random} == {n: v for n, v in honest.items() if n not in random}


async def test_a_gateway_can_have_the_person_choose_again(auth: AuthServerWorld) -> None:
    await choose(auth, "azure")

    again = await auth.login(prompt="select_account")

    assert list(choices_of(again)) == ["azure", "google"]
    await auth.get(choices_of(again)["google"])
    assert (await auth.tokens())["provider"] == "google"


async def test_where_nobody_may_be_asked_the_gateway_hears_that_somebody_has_to_choose(auth: AuthServerWorld) -> None:
    check_sent_back(await auth.login(prompt="none"), "access_denied")
    assert not auth.store.kept(ATTEMPTS)


@PREFIXES
async def test_a_person_sees_what_is_remembered_and_has_it_forgotten(auth: AuthServerWorld, prefix: str) -> None:
    page = await auth.login(prefix=prefix)
    place = next(link for link in links_of(page) if "?" not in link)
    assert place == f"{AUTH}{prefix}/login/choice"
    await choose(auth, "azure")
    assert "<strong>azure</strong>" in (await auth.get(place)).text

    forgotten = await auth.browser.post(place)

    assert forgotten.status_code == 303
    assert str(forgotten.url.join(forgotten.headers["location"])) == place
    assert int(set_cookies(forgotten)[COOKIE]["max-age"]) == 0
    assert "Nothing is remembered" in (await auth.get(place)).text
    assert await page_again(auth)


async def test_another_site_cannot_have_it_forgotten(auth: AuthServerWorld) -> None:
    await choose(auth, "azure")

    answer = await auth.browser.post("/login/choice", headers={"Sec-Fetch-Site": "cross-site"})

    check_page(answer, 400, "not sent from this service")
    assert not await page_again(auth)


async def test_a_choice_that_is_left_empty_is_asked_for_again(auth: AuthServerWorld) -> None:
    assert (await auth.get(choices_of(await auth.login(provider=""))["google"])).status_code == 302


async def test_a_provider_that_cannot_be_asked_is_not_remembered(auth: AuthServerWorld) -> None:
    auth.provider.is_down = True

    answer = await choose(auth, "azure")

    check_sent_back(answer, "temporarily_unavailable")
    assert "set-cookie" not in answer.headers


async def test_with_one_provider_there_is_no_page_and_nothing_to_remember() -> None:
    auth = AuthServerWorld()

    login = await auth.login()

    assert login.status_code == 302
    assert COOKIE not in set_cookies(login)


async def test_a_redirect_uri_narrows_the_choice_to_the_providers_that_it_is_registered_with() -> None:
    auth = AuthServerWorld(providers=("azure", "google", "okta"))
    providers = dict(auth.settings.providers)
    providers["okta"] = provider_settings(auth.provider, redirect_uri=f"{AUTH}/callback/okta")
    auth.settings = AuthServerSettings(
        public_url=AUTH, providers=providers, proxy_oauth=auth.settings.proxy_oauth, management_port=0
    )
    auth.browser = auth.another_browser(auth.replica())

    assert list(choices_of(await auth.login(redirect_uri=f"{AUTH}/callback"))) == ["azure", "google"]
    login = await auth.login(redirect_uri=f"{AUTH}/callback/okta")
    assert asked_of(login)["redirect_uri"] == f"{AUTH}/callback/okta"
