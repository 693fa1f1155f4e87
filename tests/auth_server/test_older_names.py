"""The names by which older gateways call the endpoints for backends, and the statuses that they go by."""

from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse

from tests.support.auth_server import AUTH, GATEWAY_URI, AuthServerWorld, asked_of, bearing, check_json

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-13")]

PREFIXES = pytest.mark.parametrize("prefix", ["", "/gateway-oauth"])


async def refresh(auth: AuthServerWorld, prefix: str, refresh_token: str, provider: str = "test") -> httpx.Response:
    return await auth.post(f"{prefix}/refresh_token", json={"refresh_token": refresh_token, "provider": provider})


async def is_token_valid(auth: AuthServerWorld, prefix: str, access_token: str) -> httpx.Response:
    headers = bearing(access_token)
    return await auth.post(f"{prefix}/is_token_valid", json={"provider": "test"}, headers=headers)


async def user_info(auth: AuthServerWorld, prefix: str, access_token: str) -> httpx.Response:
    backend = auth.another_browser()
    backend.headers.update(bearing(access_token))
    return await auth.get(f"{prefix}/user_info?provider=test", backend)


@PREFIXES
async def test_tokens_are_renewed(auth: AuthServerWorld, prefix: str) -> None:
    tokens = await auth.tokens()

    renewed = await refresh(auth, prefix, tokens["refresh_token"])

    assert renewed.status_code == 200
    assert renewed.headers["cache-control"] == "no-store"
    assert renewed.json()["access_token"] != tokens["access_token"]
    assert renewed.json().keys() == tokens.keys()


@PREFIXES
async def test_a_refresh_token_that_the_provider_refuses_means_to_sign_in_again(
    auth: AuthServerWorld, prefix: str
) -> None:
    check_json(await refresh(auth, prefix, "no such token"), 400, "invalid_grant")
    check_json(await refresh(auth, prefix, "x", provider="other"), 400, "invalid_request")


@PREFIXES
@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_a_provider_that_is_ill_means_to_try_again(auth: AuthServerWorld, prefix: str, status: int) -> None:
    tokens = await auth.tokens()
    auth.provider.instead = {name: JSONResponse({}, status) for name in ("token", "userinfo")}

    for answer in (
        await refresh(auth, prefix, tokens["refresh_token"]),
        await is_token_valid(auth, prefix, tokens["access_token"]),
        await user_info(auth, prefix, tokens["access_token"]),
    ):
        check_json(answer, 503, "temporarily_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    auth.provider.instead = {}
    assert (await refresh(auth, prefix, tokens["refresh_token"])).status_code == 200


@PREFIXES
async def test_a_good_token_is_valid_and_says_whose_it_is(auth: AuthServerWorld, prefix: str) -> None:
    access_token = await auth.access_token()

    valid, user = await is_token_valid(auth, prefix, access_token), await user_info(auth, prefix, access_token)

    assert (valid.status_code, valid.json()["active"]) == (200, True)
    assert (user.status_code, user.json()) == (200, valid.json()["user"])


@PREFIXES
@pytest.mark.parametrize("access_token", ["no-such-token", "eyJhbGciOiJub25lIn0.e30."])
async def test_a_token_that_is_none_is_401(auth: AuthServerWorld, prefix: str, access_token: str) -> None:
    for answer in (await is_token_valid(auth, prefix, access_token), await user_info(auth, prefix, access_token)):
        check_json(answer, 401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@PREFIXES
async def test_no_token_is_401_too(auth: AuthServerWorld, prefix: str) -> None:
    for answer in (
        await auth.post(f"{prefix}/is_token_valid", json={"provider": "test"}),
        await auth.get(f"{prefix}/user_info?provider=test"),
    ):
        check_json(answer, 401, "invalid_token")


@PREFIXES
@pytest.mark.parametrize(("method", "path"), [("GET", "/refresh_token"), ("GET", "/is_token_valid")])
async def test_each_name_has_its_method(auth: AuthServerWorld, prefix: str, method: str, path: str) -> None:
    assert (await auth.browser.request(method, prefix + path)).status_code == 405


async def test_a_gateway_that_asks_at_every_call_is_no_flood_by_whatever_name(auth: AuthServerWorld) -> None:
    access_token = await auth.access_token()

    for prefix in ("", "/gateway-oauth") * 5:
        assert (await is_token_valid(auth, prefix, access_token)).status_code == 200
        assert (await user_info(auth, prefix, access_token)).status_code == 200
        assert (await auth.validate(access_token)).status_code == 200

    assert auth.provider.times_asked("userinfo") == 1


async def test_a_code_is_exchanged_in_the_query(auth: AuthServerWorld) -> None:
    query = {"code": await auth.code(), "gateway_uri": GATEWAY_URI}

    answer = await auth.post("/gateway-oauth/exchange", params=query)

    assert answer.status_code == 200
    assert answer.json()["provider"] == "test"
    check_json(await auth.post("/gateway-oauth/exchange", params=query), 400, "invalid_grant")


@pytest.mark.parametrize("prefix", ["", "/gateway-oauth"])
async def test_a_gateway_that_sends_the_redirect_uri_of_the_provider_signs_in(
    auth: AuthServerWorld, prefix: str
) -> None:
    changed: dict[str, Any] = {"redirect_uri": f"{AUTH}/callback", "prefix": prefix}

    assert asked_of(await auth.login(**changed))["redirect_uri"] == f"{AUTH}/callback"
    assert (await auth.exchange(await auth.code(**changed))).status_code == 200
