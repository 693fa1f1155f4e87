"""`POST /gateway-oauth/refresh`: the provider alone says no; whoever cannot ask it says "later"."""

import asyncio
from datetime import timedelta

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.support import forged_tokens
from tests.support.auth_server import AuthServerWorld, check_json
from tests.support.gate import Gate

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TK-05")]

MINUTE = timedelta(minutes=1)


async def test_a_refresh_gives_the_tokens_that_the_provider_gave(auth: AuthServerWorld) -> None:
    before = await auth.tokens()

    answer = await auth.refresh(before["refresh_token"])

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    after = answer.json()
    assert after.keys() == before.keys()
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    assert after["user"]["sub"] == before["user"]["sub"]
    assert auth.provider.asked["token"][-1] == {
        "grant_type": "refresh_token",
        "refresh_token": before["refresh_token"],
    }


async def test_a_refresh_token_that_the_provider_did_not_replace_is_kept(auth: AuthServerWorld) -> None:
    auth.provider.rotates = False
    refresh_token = (await auth.tokens())["refresh_token"]

    for _ in range(2):
        assert (await auth.refresh(refresh_token)).json()["refresh_token"] == refresh_token
    assert auth.provider.times_asked("token") == 3


async def test_a_refresh_that_is_repeated_within_a_minute_has_the_answer_of_the_first(auth: AuthServerWorld) -> None:
    spent = (await auth.tokens())["refresh_token"]
    first = await auth.refresh(spent)
    auth.clock.advance(MINUTE - timedelta(seconds=1))
    auth.app = auth.replica()

    again = await auth.refresh(spent)

    assert (again.status_code, again.json()) == (200, first.json())
    assert auth.provider.times_asked("token") == 2
    [kept] = auth.store.kept("auth-server:renewed")
    assert kept.ttl == MINUTE
    assert spent not in kept.key
    assert first.json()["refresh_token"].encode() not in kept.value


@pytest.mark.requirement("ST-05")
async def test_a_store_that_fails_meanwhile_costs_nobody_the_answer(auth: AuthServerWorld) -> None:
    refresh_token = (await auth.tokens())["refresh_token"]
    asks = auth.provider.gates["token"] = Gate()
    asking = asyncio.ensure_future(auth.refresh(refresh_token))
    await asks.wait_until_reached()
    auth.store.is_down = True
    asks.opened.set()

    assert (await asking).status_code == 200


@pytest.mark.requirement("ST-05")
async def test_without_the_store_nothing_is_used_up(auth: AuthServerWorld) -> None:
    refresh_token = (await auth.tokens())["refresh_token"]
    auth.store.is_down = True
    check_json(await auth.refresh(refresh_token), 503, "temporarily_unavailable")
    auth.store.is_down = False

    assert (await auth.refresh(refresh_token)).status_code == 200
    assert auth.provider.times_asked("token") == 2


async def test_a_provider_may_leave_out_the_id_token(auth: AuthServerWorld) -> None:
    auth.provider.signs_in_again = False

    answer = await auth.refresh((await auth.tokens())["refresh_token"])

    assert answer.status_code == 200
    assert "id_token" not in answer.json()
    assert answer.json()["user"] == {}


@pytest.mark.parametrize("sent", ["data", "json", "params"])
async def test_a_refresh_is_taken_however_it_is_sent(auth: AuthServerWorld, sent: str) -> None:
    values = {"refresh_token": (await auth.tokens())["refresh_token"], "provider": "test"}

    answer = await auth.post("/gateway-oauth/refresh", **{sent: values})

    assert answer.status_code == 200


async def test_a_refresh_token_that_the_provider_no_longer_accepts_is_an_invalid_grant(auth: AuthServerWorld) -> None:
    spent = (await auth.tokens())["refresh_token"]
    assert (await auth.refresh(spent)).status_code == 200
    auth.clock.advance(MINUTE)

    answer = await auth.refresh(spent)

    check_json(answer, 400, "invalid_grant")
    assert spent not in answer.text


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(JSONResponse({"error": "server_error"}, 500), id="500"),
        pytest.param(HTMLResponse("<h1>Bad gateway</h1>", 502), id="502 from a proxy"),
        pytest.param(JSONResponse({"error": "invalid_grant"}, 503), id="503, whatever it says"),
        pytest.param(JSONResponse({"error": "slow_down"}, 429), id="429"),
    ],
)
async def test_a_provider_in_trouble_is_a_reason_to_try_again_and_never_an_invalid_grant(
    auth: AuthServerWorld, instead: Response
) -> None:
    refresh_token = (await auth.tokens())["refresh_token"]
    auth.provider.instead["token"] = instead

    answer = await auth.refresh(refresh_token)

    check_json(answer, 503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    auth.provider.instead.clear()
    assert (await auth.refresh(refresh_token)).status_code == 200


@pytest.mark.requirement("OP-04")
async def test_a_provider_that_is_down_is_a_reason_to_try_again(auth: AuthServerWorld) -> None:
    refresh_token = (await auth.tokens())["refresh_token"]
    auth.provider.is_down = True

    answer = await auth.refresh(refresh_token)

    check_json(answer, 503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    auth.provider.is_down = False
    assert (await auth.refresh(refresh_token)).status_code == 200


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(HTMLResponse("<h1>Welcome</h1>"), id="HTML"),
        pytest.param(JSONResponse(["a list"]), id="JSON array"),
        pytest.param(JSONResponse({"token_type": "Bearer"}), id="no access token"),
        pytest.param(JSONResponse({"error": "invalid_client"}, 401), id="our own credentials refused"),
        pytest.param(JSONResponse({"error": "unauthorized_client"}, 400), id="we may not refresh"),
    ],
)
async def test_a_provider_that_answers_nonsense_is_a_fault_and_never_an_invalid_grant(
    auth: AuthServerWorld, instead: Response
) -> None:
    refresh_token = (await auth.tokens())["refresh_token"]
    auth.provider.instead["token"] = instead

    answer = await auth.refresh(refresh_token)

    check_json(answer, 500, "server_error")
    assert refresh_token not in answer.text


@pytest.mark.requirement("BR-01")
async def test_the_id_token_of_a_refresh_is_checked_as_well(auth: AuthServerWorld) -> None:
    refresh_token = (await auth.tokens())["refresh_token"]
    auth.provider.forge = forged_tokens.unsigned

    check_json(await auth.refresh(refresh_token), 500, "server_error")


@pytest.mark.requirement("AZ-08")
@pytest.mark.parametrize(
    "query",
    [
        pytest.param("provider=test", id="no refresh token"),
        pytest.param("refresh_token=x", id="no provider"),
        pytest.param("refresh_token=x&provider=other", id="unknown provider"),
        pytest.param("refresh_token=x&refresh_token=y&provider=test", id="repeated parameter"),
    ],
)
async def test_a_call_out_of_form_is_refused_and_the_provider_is_not_asked(auth: AuthServerWorld, query: str) -> None:
    answer = await auth.post(f"/gateway-oauth/refresh?{query}")

    check_json(answer, 400, "invalid_request")
    assert not auth.provider.asked


async def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    auth = AuthServerWorld(providers=("azure", "google"))

    answer = await auth.refresh("x", provider="other")

    assert "configured: azure, google" in answer.json()["error_description"]
