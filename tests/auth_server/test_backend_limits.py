"""How often the auth server may be asked, and which pages' scripts may ask."""

from typing import Any

import httpx
import pytest

from auth_server.settings.gateways import CORSSettings, GatewaySettings, RateLimitSettings, SecuritySettings
from authproxy_common.secret import Secret
from tests.support.auth_server import GATEWAY_URI, AuthServerWorld

pytestmark = pytest.mark.anyio

ORIGIN = "https://app.test"
PAGES = ["/login", "/gateway-oauth/login", "/callback", "/gateway-oauth/callback"]
NAMES = ["/exchange", "/refresh", "/token-exchange", "/revoke", "/validate", "/refresh_token", "/is_token_valid"]
BACKEND = [f"/gateway-oauth{name}" for name in NAMES] + ["/refresh_token", "/is_token_valid"]
SECRET = "a secret that is long enough"


def limited(**rates: str) -> AuthServerWorld:
    return AuthServerWorld(security=SecuritySettings(rate_limit=RateLimitSettings(**rates)))


def from_address(auth: AuthServerWorld, address: str, app: Any = None) -> httpx.AsyncClient:
    """Somebody who calls from `address`."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app or auth.app, client=(address, 1)), base_url="https://auth.test"
    )


@pytest.mark.requirement("OP-09")
@pytest.mark.parametrize(
    ("limit", "method", "path"),
    [*(("login" if "login" in path else "callback", "GET", path) for path in PAGES)]
    + [("backend", "POST", path) for path in BACKEND]
    + [("backend", "GET", path) for path in ("/gateway-oauth/userinfo", "/user_info", "/gateway-oauth/user_info")],
)
async def test_what_comes_too_often_from_one_address_is_told_when_to_come_again(
    limit: str, method: str, path: str
) -> None:
    auth = limited(**{limit: "2/hour"})
    caller, other = from_address(auth, "192.0.2.1"), from_address(auth, "192.0.2.2")

    statuses = [(await caller.request(method, path)).status_code for _ in range(3)]
    refused = await caller.request(method, path)

    assert [status == 429 for status in statuses] == [False, False, True]
    assert int(refused.headers["retry-after"]) > 0
    assert ("What to do:" in refused.text) is (method == "GET" and limit != "backend")
    assert (await other.request(method, path)).status_code != 429
    elsewhere = from_address(auth, "192.0.2.1", auth.replica())
    assert (await elsewhere.request(method, path)).status_code == 429


@pytest.mark.requirement("OP-09")
async def test_limits_are_counted_apart_and_can_be_switched_off() -> None:
    auth = limited(login="1/hour", callback="1/hour", backend="unlimited")

    assert (await auth.login()).status_code == 302
    assert (await auth.get("/callback")).status_code == 400
    assert (await auth.login()).status_code == 429
    assert {(await auth.exchange("x")).status_code for _ in range(20)} == {400}


@pytest.mark.requirement("OP-09", "BR-11")
async def test_a_gateway_that_authenticates_is_counted_by_its_name_wherever_it_calls_from() -> None:
    gateways = {
        name: GatewaySettings(allowed_redirect_uris=(f"https://{name}.test/cb",), client_secret=Secret(SECRET))
        for name in ("wiki", "shop")
    }
    auth = AuthServerWorld(gateways=gateways, security=SecuritySettings(rate_limit=RateLimitSettings(gateway="2/hour")))

    async def revoke(name: str, address: str, secret: str = SECRET) -> int:
        form = {"client_id": name, "client_secret": secret, "token": "x", "provider": "test"}
        return (await from_address(auth, address).post("/gateway-oauth/revoke", data=form)).status_code

    assert [await revoke("wiki", "192.0.2.9", "a guess of a stranger") for _ in range(5)] == [401] * 5
    assert [await revoke("wiki", f"192.0.2.{n}") for n in range(3)] == [200, 200, 429]
    assert await revoke("shop", "192.0.2.1") == 200


@pytest.mark.requirement("BR-14")
@pytest.mark.parametrize("path", [*BACKEND, "/gateway-oauth/userinfo", "/user_info"])
@pytest.mark.parametrize("origins", [(), ("https://other.test",)], ids=["none", "another"])
async def test_no_page_may_call_that_is_not_listed(origins: tuple[str, ...], path: str) -> None:
    auth = AuthServerWorld(security=SecuritySettings(cors=CORSSettings(allowed_origins=origins)))
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}

    preflight = await auth.browser.options(path, headers=asks)
    answer = await auth.browser.post(path, headers={"Origin": ORIGIN})

    assert preflight.status_code in {400, 405}
    for each in (preflight, answer):
        assert "access-control-allow-origin" not in each.headers


@pytest.mark.requirement("BR-14")
@pytest.mark.parametrize("path", BACKEND)
async def test_scripts_of_a_listed_page_may_call_and_read_refusals_too(path: str) -> None:
    security = SecuritySettings(
        cors=CORSSettings(allowed_origins=(ORIGIN,)), rate_limit=RateLimitSettings(backend="1/hour")
    )
    auth = AuthServerWorld(security=security)
    asks = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }

    preflight = await auth.browser.options(path, headers=asks)
    answers = [await auth.browser.post(path, headers={"Origin": ORIGIN}) for _ in range(2)]

    assert preflight.status_code == 200
    assert answers[-1].status_code == 429
    for each in (preflight, *answers):
        assert each.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in each.headers
    assert preflight.headers["access-control-allow-headers"].lower().find("authorization") >= 0


@pytest.mark.requirement("BR-14")
async def test_the_pages_of_a_sign_in_are_for_no_script() -> None:
    auth = AuthServerWorld(security=SecuritySettings(cors=CORSSettings(allowed_origins=(ORIGIN,))))
    auth.browser.headers["Origin"] = ORIGIN

    for answer in (await auth.login(), await auth.get("/callback"), await auth.get("/login/choice")):
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.requirement("BR-14")
async def test_a_listed_page_exchanges_a_code_with_its_verifier_and_no_cookie() -> None:
    auth = AuthServerWorld(security=SecuritySettings(cors=CORSSettings(allowed_origins=(ORIGIN,))))
    form = {"code": await auth.code(), "gateway_uri": GATEWAY_URI}

    answer = await auth.post("/gateway-oauth/exchange", data=form, headers={"Origin": ORIGIN})

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
