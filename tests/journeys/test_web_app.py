"""The example web app: who is signed in, in whose browser, and until when."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import itsdangerous
import pytest
from starlette.types import ASGIApp

from authproxy_common.gateway_sign_in import GatewaySignIn
from examples.web_app.app import create_app
from tests.support.auth_server import AUTH, AuthServerWorld
from tests.support.browser import Browser
from tests.support.network import virtual_network
from tests.support.openid_provider import IDP

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-06")]

KEY = "the key of this test"
SOMEBODY = "Signed in as test:248289761001"


@dataclass
class WebAppWorld:
    """The app, its auth server, and people's browsers."""

    url: str = "https://app.test"
    auth: AuthServerWorld = field(init=False)

    def __post_init__(self) -> None:
        self.auth = AuthServerWorld(proxy={"allowed_redirect_uris": (f"{self.url}/callback",)})
        to_auth_server = virtual_network({AUTH: self.auth.app})
        sign_in = GatewaySignIn(auth_server_url=AUTH, gateway_uri=f"{self.url}/callback", http=to_auth_server)
        self.hosts: dict[str, ASGIApp] = {
            self.url: create_app(sign_in, KEY),
            AUTH: self.auth.app,
            IDP: self.auth.provider,
        }

    def browser(self) -> Browser:
        """Somebody's, without a cookie."""
        return Browser(virtual_network(self.hosts))

    async def shows(self, browser: Browser) -> str:
        """What the app's page says to the browser."""
        return (await browser.open(f"{self.url}/")).text


@pytest.fixture
async def world() -> AsyncIterator[WebAppWorld]:
    made = WebAppWorld()
    yield made
    await made.auth.store.aclose()


async def test_a_person_signs_in_and_out(world: WebAppWorld) -> None:
    browser = world.browser()
    assert "Nobody is signed in" in await world.shows(browser)

    signed_in = await browser.open(f"{world.url}/login")

    assert (signed_in.url, signed_in.response.headers["cache-control"]) == (f"{world.url}/", "no-store")
    assert SOMEBODY in signed_in.text
    assert "Nobody is signed in" in await world.shows(world.browser())
    assert "Nobody is signed in" in (await browser.submit(signed_in, {})).text
    assert "Nobody is signed in" in await world.shows(browser)


@pytest.mark.requirement("OP-02")
async def test_the_session_is_for_this_host_and_no_script_and_has_no_token(world: WebAppWorld) -> None:
    browser = world.browser()
    await browser.open(f"{world.url}/login")

    cookie = session_of(browser)

    assert cookie.name == "__Host-example_web_app"
    assert (cookie.secure, cookie.path, cookie.domain_specified) == (True, "/", False)
    assert cookie.has_nonstandard_attr("httponly")
    assert cookie.get_nonstandard_attr("samesite") == "lax"
    assert cookie.value
    assert json.loads(base64.b64decode(cookie.value.split(".")[0])) == {"person": "test:248289761001"}


async def test_where_there_is_no_https_the_session_works_without() -> None:
    world = WebAppWorld("http://localhost:8000")
    browser = world.browser()

    assert SOMEBODY in (await browser.open(f"{world.url}/login")).text
    cookie = session_of(browser)
    assert (cookie.name, cookie.secure) == ("example_web_app", False)


async def test_an_answer_to_a_sign_in_of_somebody_else_signs_nobody_in_and_its_code_is_not_spent(
    world: WebAppWorld,
) -> None:
    victim, gateway_uri = world.browser(), f"{world.url}/callback"
    await victim.http.get(f"{world.url}/login")
    theirs = (await world.auth.complete(gateway_uri=gateway_uri)).headers["location"]

    refused = await victim.open(theirs)

    assert (refused.status, "not begun in this browser" in refused.text) == (400, True)
    assert "Nobody is signed in" in await world.shows(victim)
    code = dict(parse_qsl(urlsplit(theirs).query))["code"]
    assert (await world.auth.exchange(code, gateway_uri=gateway_uri)).status_code == 200


async def test_a_callback_that_is_opened_again_changes_nothing(world: WebAppWorld) -> None:
    browser = world.browser()
    await browser.open(f"{world.url}/login")
    callback = browser.visited[-2]
    assert callback.startswith(f"{world.url}/callback?code=")

    again = await browser.open(callback)

    assert (again.status, "no sign-in is under way" in again.text) == (400, True)
    assert SOMEBODY in await world.shows(browser)


async def test_a_session_that_the_app_did_not_sign_is_nobodys(world: WebAppWorld) -> None:
    browser = world.browser()
    session = base64.b64encode(json.dumps({"person": "test:admin"}).encode())
    for key, says in (("another key", "Nobody is signed in"), (KEY, "Signed in as test:admin")):
        signed = itsdangerous.TimestampSigner(key).sign(session).decode()
        browser.http.cookies.set("__Host-example_web_app", signed, domain="app.test", path="/")
        assert says in await world.shows(browser)


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(
    ("trouble", "status", "says"),
    [
        pytest.param({"is_down": True}, 503, "the auth server is not available", id="outage"),
        pytest.param({"denies_with": "access_denied"}, 403, "the auth server answered access_denied", id="denial"),
    ],
)
async def test_what_went_wrong_is_said_with_a_way_to_try_again(
    world: WebAppWorld, trouble: dict[str, Any], status: int, says: str
) -> None:
    for name, value in trouble.items():
        setattr(world.auth.provider, name, value)

    page = await world.browser().open(f"{world.url}/login")

    assert (page.status, says in page.text, '<a href="/login">' in page.text) == (status, True, True)


async def test_a_name_is_text_on_the_page(world: WebAppWorld) -> None:
    world.auth.provider.claims = {"sub": "<script>"}

    page = await world.browser().open(f"{world.url}/login")

    assert "Signed in as test:&lt;script&gt;" in page.text
    assert "default-src 'none'" in page.response.headers["content-security-policy"]


async def test_nobody_is_signed_out_by_following_a_link(world: WebAppWorld) -> None:
    browser = world.browser()
    await browser.open(f"{world.url}/login")

    assert (await browser.open(f"{world.url}/logout")).status == 405
    assert SOMEBODY in await world.shows(browser)


def session_of(browser: Browser) -> Cookie:
    """The cookie that the app set."""
    (cookie,) = [cookie for cookie in browser.http.cookies.jar if cookie.name.endswith("example_web_app")]
    return cookie
