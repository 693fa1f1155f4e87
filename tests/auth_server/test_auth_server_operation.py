"""What an operator and a browser see of the auth server: cookies, health, limits, and what is switched off."""

from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie
from typing import Any

import anyio
import httpx
import pytest

from tests.support.auth_server import (
    ATTEMPTS,
    AUTH,
    CODES,
    AuthServerWorld,
    answer_of,
    check_json,
    check_page,
    check_sent_back,
)
from tests.support.gate import Gate

pytestmark = pytest.mark.anyio

LIMIT = 64 * 1024
BACKEND = ["/gateway-oauth/exchange", "/gateway-oauth/refresh"]
PAGES = ["/login", "/login/choice", "/callback", "/callback/test"]
PAGES += [f"/gateway-oauth{path}" for path in PAGES]
OLDER = ["/refresh_token", "/is_token_valid", "/user_info"]
OLDER += [f"/gateway-oauth{path}" for path in OLDER]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def cookie_of(response: httpx.Response) -> "Morsel[str]":
    """The one cookie that the answer sets."""
    (header,) = response.headers.get_list("set-cookie")
    (cookie,) = SimpleCookie(header).values()
    return cookie


@pytest.mark.requirement("AZ-06", "BR-06")
async def test_the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts(auth: AuthServerWorld) -> None:
    cookie = cookie_of(await auth.login())

    assert cookie.key == "__Host-auth_server_browser"
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "lax")
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert int(cookie["max-age"]) >= 600
    assert len(cookie.value) == 43


@pytest.mark.requirement("AZ-06", "BR-06")
async def test_on_plain_http_the_cookie_has_no_prefix_that_browsers_would_refuse_there() -> None:
    origin = "http://localhost:8080"
    auth = AuthServerWorld(public_url=origin, development_mode=True, provider={"redirect_uri": f"{origin}/callback"})

    login = await auth.login()

    cookie = cookie_of(login)
    assert cookie.key == "auth_server_browser"
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == ("", True, "lax", "/")
    assert "strict-transport-security" not in login.headers
    assert "code" in answer_of(await auth.get(await auth.approve(login)))


@pytest.mark.requirement("BR-06")
async def test_a_browser_keeps_its_cookie_and_a_forged_form_of_it_is_replaced(auth: AuthServerWorld) -> None:
    first = cookie_of(await auth.login()).value
    assert cookie_of(await auth.login()).value == first

    auth.browser = auth.another_browser()
    auth.browser.headers["Cookie"] = "__Host-auth_server_browser=chosen-by-somebody-else"
    assert len(cookie_of(await auth.login()).value) == 43


@pytest.mark.requirement("OP-08")
async def test_answers_carry_security_headers(auth: AuthServerWorld) -> None:
    for answer in (await auth.login(), await auth.get("/callback"), await auth.exchange("x"), await auth.get("/none")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.requirement("OP-01")
async def test_an_answer_has_the_id_of_its_request_and_the_provider_hears_it(auth: AuthServerWorld) -> None:
    auth.browser.headers["X-Request-Id"] = "the-callers-own-id"

    assert (await auth.login()).headers["x-request-id"] == "the-callers-own-id"
    check_page(await auth.get("/callback"), 400, "the-callers-own-id")


@pytest.mark.requirement("OP-03", "ST-05")
async def test_readiness_names_the_store_that_does_not_answer_and_liveness_asks_nobody(auth: AuthServerWorld) -> None:
    ready = await auth.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "checks": {"redis": "ok"}})

    auth.store.is_down = True
    ready = await auth.get("/health/ready")
    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable", "checks": {"redis": "unavailable"}})
    assert int(ready.headers["retry-after"]) > 0
    assert (await auth.get("/health/live")).status_code == 200
    assert not auth.provider.asked


@pytest.mark.requirement("ST-05", "OP-04")
async def test_a_store_that_is_down_is_an_error_page_that_says_to_wait(auth: AuthServerWorld) -> None:
    callback = await auth.begin()
    auth.store.is_down = True

    for answer in (await auth.login(), await auth.get(callback)):
        check_page(answer, 503, "temporarily_unavailable", "wait a moment")
        assert int(answer.headers["retry-after"]) > 0
        assert "set-cookie" not in answer.headers
    assert auth.provider.times_asked("token") == 0
    assert 'dependency_failures_total{dependency="redis"} 2.0' in (await auth.get("/metrics")).text

    auth.store.is_down = False
    assert "code" in answer_of(await auth.get(callback))


@pytest.mark.requirement("ST-05", "OP-04")
async def test_a_store_that_is_down_at_the_exchange_says_later_and_keeps_the_code(auth: AuthServerWorld) -> None:
    code = await auth.code()
    auth.store.is_down = True

    answer = await auth.exchange(code)

    check_json(answer, 503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    auth.store.is_down = False
    assert (await auth.exchange(code)).status_code == 200


@pytest.mark.requirement("ST-05", "OP-04")
async def test_a_store_that_goes_down_while_the_provider_is_asked_is_reported_to_the_gateway(
    auth: AuthServerWorld,
) -> None:
    callback = await auth.begin()
    gate = auth.provider.gates["token"] = Gate()

    async def fail_before_the_provider_answers() -> None:
        await gate.wait_until_reached()
        auth.store.is_down = True
        gate.opened.set()

    async with anyio.create_task_group() as meanwhile:
        meanwhile.start_soon(fail_before_the_provider_answers)
        answer = await auth.get(callback)

    check_sent_back(answer, "temporarily_unavailable")
    assert not auth.store.kept(CODES)


@pytest.mark.requirement("OP-05")
@pytest.mark.parametrize("path", BACKEND)
async def test_a_body_above_the_limit_is_refused_announced_or_not(auth: AuthServerWorld, path: str) -> None:
    body = b"code=" + b"x" * (LIMIT - 4)

    async def unannounced() -> AsyncIterator[bytes]:
        for begin in range(0, len(body), 4096):
            yield body[begin : begin + 4096]

    for content in (body, unannounced()):
        answer = await auth.post(path, content=content, headers=FORM)
        check_json(answer, 413, "invalid_request")
        assert answer.headers["connection"] == "close"
    check_json(await auth.post(path, content=body[:-1], headers=FORM), 400, "invalid_request")


@pytest.mark.requirement("OP-05")
async def test_a_body_that_is_announced_above_the_limit_is_not_read(auth: AuthServerWorld) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    headers = FORM | {"Content-Length": str(LIMIT + 1)}

    check_json(await auth.post(BACKEND[0], content=unread(), headers=headers), 413, "invalid_request")


@pytest.mark.requirement("CF-05")
@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({"enabled": False}, id="enabled"),
        pytest.param({"proxy": {"enabled": False}}, id="proxy_oauth.enabled"),
    ],
)
async def test_what_is_switched_off_is_nowhere_and_says_so(switches: dict[str, Any]) -> None:
    auth = AuthServerWorld(**switches)

    for path in PAGES:
        check_page(await auth.get(f"{path}?gateway_uri=https://app.test/oauth/callback"), 404, "switched off")
    others = [f"/gateway-oauth/{name}" for name in ("token-exchange", "revoke", "validate", "userinfo")]
    for path in [*BACKEND, *OLDER, *others]:
        answer = await auth.post(path, data={"code": "x", "gateway_uri": "x"})
        check_json(answer, 404, "not_found")
        assert "switched off" in answer.json()["error_description"]
    for path in ("/gateway-oauth/userinfo", "/user_info", "/gateway-oauth/user_info"):
        assert "switched off" in (await auth.get(path)).json()["error_description"]
    check_page(await auth.browser.post("/login/choice"), 404, "switched off")
    assert (await auth.get("/health/ready")).status_code == 200
    assert not auth.store.written
    assert not auth.provider.asked


@pytest.mark.requirement("OP-08")
@pytest.mark.parametrize(
    "path", ["/", "/exchange", "/validate", "/gateway-oauth", "/login/", "/gateway-oauth/exchange/", "/Login"]
)
async def test_there_is_nothing_at_other_paths(auth: AuthServerWorld, path: str) -> None:
    for answer in (await auth.get(path), await auth.post(path)):
        check_json(answer, 404, "not_found")


@pytest.mark.requirement("OP-03")
async def test_the_callback_of_a_provider_is_counted_as_a_callback_and_not_by_what_strangers_call_it() -> None:
    auth = AuthServerWorld(provider={"redirect_uri": f"{AUTH}/callback/test"})
    await auth.tokens()
    await auth.get("/callback/stranger")

    metrics = (await auth.get("/metrics")).text
    assert 'route="other",status="302"' not in metrics
    assert "stranger" not in metrics


@pytest.mark.requirement("OP-03")
async def test_metrics_count_sign_ins_and_know_no_paths_of_strangers(auth: AuthServerWorld) -> None:
    await auth.tokens()
    await auth.get("/stranger")

    metrics = (await auth.get("/metrics")).text
    for event in ("sign_in_begun", "sign_in_completed", "gateway_code_exchanged"):
        assert f'authproxy_events_total{{event="{event}"}} 1.0' in metrics
    assert 'route="/callback",status="302"} 1.0' in metrics
    assert "stranger" not in metrics
    assert len(auth.store.kept(ATTEMPTS)) == 1
    assert AUTH not in metrics
