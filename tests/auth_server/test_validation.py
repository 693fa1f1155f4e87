"""`POST /gateway-oauth/validate` and `GET /gateway-oauth/userinfo`: the provider alone says no (OIDC Core §5.3)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from structlog.testing import capture_logs

from tests.support.auth_server import AuthServerWorld, bearing, check_json, check_sent_back

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-07")]

ALICE = {"sub": "248289761001", "email": "alice@example.com", "email_verified": True, "name": "Alice"}
VALIDATE = "/gateway-oauth/validate"


def check_refused(answer: httpx.Response, access_token: str = "-") -> None:
    """The token is not good (RFC 6750 §3.1), and is not repeated."""
    check_json(answer, 401, "invalid_token")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token", error_description="')
    assert access_token == "-" or access_token not in answer.text + str(answer.headers)


async def test_a_good_token_is_answered_with_whose_it_is(auth: AuthServerWorld) -> None:
    answer = await auth.validate(await auth.access_token(), provider="test")

    assert answer.status_code == 200
    assert answer.json() == {"active": True, "provider": "test", "user": ALICE}
    assert answer.headers["cache-control"] == "no-store"


async def test_user_info_is_the_claims_that_the_provider_gave(auth: AuthServerWorld) -> None:
    auth.provider.user = {"groups": ["a", "b"], "email": None}

    answer = await auth.user_info(await auth.access_token(), provider="test")

    assert answer.status_code == 200
    assert answer.json() == {**{name: ALICE[name] for name in ALICE if name != "email"}, "groups": ["a", "b"]}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.requirement("OP-02")
async def test_the_provider_gets_the_token_in_a_header_and_not_in_a_url(auth: AuthServerWorld) -> None:
    await auth.validate(await auth.access_token())

    assert auth.provider.asked["userinfo"] == [{}]


@pytest.mark.parametrize(
    "sent", [{"data": {"provider": "test"}}, {"json": {"provider": "test"}}, {"params": {"provider": "test"}}, {}]
)
async def test_the_provider_is_named_however_it_is_sent_or_is_the_only_one(
    auth: AuthServerWorld, sent: dict[str, Any]
) -> None:
    answer = await auth.post(VALIDATE, headers=bearing(await auth.access_token()), **sent)

    assert (answer.status_code, answer.json()["provider"]) == (200, "test")


async def test_of_several_providers_one_is_named() -> None:
    auth = AuthServerWorld(providers=("azure", "google"))
    access_token = await auth.access_token(provider="google")

    assert (await auth.validate(access_token, provider="google")).json()["provider"] == "google"
    assert (await auth.user_info(access_token, provider="google")).json() == ALICE
    for answer in (await auth.validate(access_token), await auth.user_info(access_token, provider="")):
        check_json(answer, 400, "invalid_request")
        assert "configured: azure, google" in answer.json()["error_description"]
    assert auth.provider.times_asked("userinfo") == 1


@pytest.mark.parametrize("query", ["provider=other", "provider=test&provider=test"])
async def test_a_call_out_of_form_is_refused_and_the_provider_is_not_asked(auth: AuthServerWorld, query: str) -> None:
    access_token = await auth.access_token()
    backend = auth.another_browser()
    backend.headers.update(bearing(access_token))

    check_json(await auth.post(f"{VALIDATE}?{query}", headers=bearing(access_token)), 400, "invalid_request")
    check_json(await auth.get(f"/gateway-oauth/userinfo?{query}", backend), 400, "invalid_request")
    assert auth.provider.times_asked("userinfo") == 0


def expire(auth: AuthServerWorld, _access_token: str) -> None:
    auth.clock.advance(timedelta(hours=1))


def revoke(auth: AuthServerWorld, access_token: str) -> None:
    del auth.provider.access_tokens[access_token]


def narrow(auth: AuthServerWorld, access_token: str) -> None:
    issued = auth.provider.access_tokens[access_token]
    auth.provider.access_tokens[access_token] = replace(issued, scope="email")


def refused_with(instead: Response) -> Callable[[AuthServerWorld, str], None]:
    def refuse(auth: AuthServerWorld, _access_token: str) -> None:
        auth.provider.instead["userinfo"] = instead

    return refuse


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(revoke, id="unknown"),
        pytest.param(expire, id="expired"),
        pytest.param(narrow, id="without openid"),
        pytest.param(refused_with(HTMLResponse("<h1>Sign in first</h1>", 401)), id="refused in HTML"),
        pytest.param(refused_with(JSONResponse({"error": "invalid_token"}, 400)), id="refused with 400"),
        pytest.param(refused_with(JSONResponse({"error": "access_denied"}, 400)), id="denied with 400"),
    ],
)
async def test_a_token_that_the_provider_does_not_accept_is_refused(
    auth: AuthServerWorld, spoil: Callable[[AuthServerWorld, str], None]
) -> None:
    access_token = await auth.access_token()
    spoil(auth, access_token)

    check_refused(await auth.validate(access_token), access_token)
    check_refused(await auth.user_info(access_token), access_token)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"headers": {"Authorization": "Basic eDp5"}}, id="another scheme"),
        pytest.param({"data": {"access_token": "TOKEN"}}, id="token in the form"),
        pytest.param({"params": {"access_token": "TOKEN"}}, id="token in the query"),
    ],
)
async def test_who_sends_no_bearer_token_is_told_so_without_an_error_code(
    auth: AuthServerWorld, asked: dict[str, Any]
) -> None:
    access_token = await auth.access_token()
    sent = {part: {n: v.replace("TOKEN", access_token) for n, v in values.items()} for part, values in asked.items()}

    answer = await auth.post(VALIDATE, **sent)

    check_json(answer, 401, "invalid_token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="oauth"'
    assert auth.provider.times_asked("userinfo") == 0


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["Bearer TOKEN", "Bearer other"], id="two tokens"),
        pytest.param(["Bearer TOKEN", "Basic eDp5"], id="two schemes"),
        pytest.param(["Bearer"], id="no token"),
        pytest.param(["Bearer TOKEN and-more"], id="two words"),
        pytest.param(["Bearer TOKEN, Bearer other"], id="list"),
        pytest.param(["Bearer TOKEN\u00e9"], id="not ASCII"),
        pytest.param([f"Bearer {'x' * 16385}"], id="too long"),
    ],
)
async def test_what_cannot_be_a_token_is_refused_and_the_provider_not_asked(
    auth: AuthServerWorld, values: list[str]
) -> None:
    access_token = await auth.access_token()
    headers = [(b"Authorization", value.replace("TOKEN", access_token).encode("latin-1")) for value in values]

    check_refused(await auth.post(VALIDATE, headers=headers), access_token)
    assert auth.provider.times_asked("userinfo") == 0


@pytest.mark.parametrize("header", ["bearer TOKEN", "BEARER TOKEN", "Bearer  TOKEN"])
async def test_the_scheme_is_read_in_any_case(auth: AuthServerWorld, header: str) -> None:
    authorization = header.replace("TOKEN", await auth.access_token())

    assert (await auth.post(VALIDATE, headers={"Authorization": authorization})).status_code == 200


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(JSONResponse({"error": "invalid_token"}, 500), id="500, whatever it says"),
        pytest.param(HTMLResponse("<h1>Bad gateway</h1>", 502), id="502 from a proxy"),
        pytest.param(JSONResponse({}, 429), id="429"),
        pytest.param(PlainTextResponse("x" * (1024 * 1024 + 1)), id="endless"),
    ],
)
async def test_a_provider_in_trouble_says_nothing_about_a_token(auth: AuthServerWorld, instead: Response) -> None:
    access_token = await auth.access_token()
    auth.provider.instead["userinfo"] = instead

    for answer in (await auth.validate(access_token), await auth.user_info(access_token)):
        check_json(answer, 503, "temporarily_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "www-authenticate" not in answer.headers
    auth.provider.instead.clear()
    assert (await auth.validate(access_token)).status_code == 200


@pytest.mark.requirement("OP-04", "OP-03")
async def test_a_provider_that_is_down_says_nothing_about_a_token(auth: AuthServerWorld) -> None:
    access_token = await auth.access_token()
    auth.provider.is_down = True

    check_json(await auth.validate(access_token), 503, "temporarily_unavailable")

    metrics = (await auth.get("/metrics")).text
    assert 'authproxy_dependency_failures_total{dependency="identity provider"} 1.0' in metrics
    auth.provider.is_down = False
    assert (await auth.validate(access_token)).status_code == 200


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(HTMLResponse("<h1>Welcome</h1>"), id="HTML"),
        pytest.param(Response(), id="nothing"),
        pytest.param(JSONResponse([ALICE]), id="JSON array"),
        pytest.param(JSONResponse({"email": "alice@example.com"}), id="nobody"),
        pytest.param(JSONResponse(ALICE | {"sub": ""}), id="empty sub"),
        pytest.param(JSONResponse(ALICE | {"sub": 7}), id="sub that is a number"),
        pytest.param(Response("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", media_type="application/jwt"), id="signed"),
        pytest.param(JSONResponse(ALICE, 400), id="400"),
        pytest.param(JSONResponse({"error": "invalid_request"}, 400), id="400 that blames the request"),
        pytest.param(JSONResponse({"error": ["invalid_token"]}, 400), id="400 with a list of errors"),
        pytest.param(JSONResponse({"error": "invalid_token"}, 404), id="404 with an error"),
        pytest.param(JSONResponse(ALICE, 404), id="404"),
        pytest.param(JSONResponse(ALICE, 201), id="status of another answer"),
        pytest.param(RedirectResponse("https://elsewhere.test"), id="redirect"),
    ],
)
async def test_an_answer_that_is_neither_yes_nor_no_is_a_fault(auth: AuthServerWorld, instead: Response) -> None:
    access_token = await auth.access_token()
    auth.provider.instead["userinfo"] = instead

    for answer in (await auth.validate(access_token), await auth.user_info(access_token)):
        check_json(answer, 500, "server_error")
        assert access_token not in answer.text
    auth.provider.instead.clear()
    assert (await auth.validate(access_token)).status_code == 200


@pytest.mark.requirement("OP-04")
async def test_a_provider_without_a_userinfo_endpoint_signs_people_in_and_cannot_be_asked() -> None:
    auth = AuthServerWorld(provider={"metadata": {"userinfo_endpoint": None}})

    answer = await auth.validate(await auth.access_token())

    check_json(answer, 500, "server_error")
    assert "has no userinfo endpoint" in answer.json()["error_description"]


@pytest.mark.requirement("BR-01")
async def test_a_userinfo_endpoint_without_tls_makes_the_metadata_unusable() -> None:
    auth = AuthServerWorld(provider={"metadata": {"userinfo_endpoint": "http://idp.test/userinfo"}})

    check_sent_back(await auth.login(), "server_error")


@pytest.mark.requirement("OP-02", "OP-03")
async def test_what_the_provider_said_is_logged_and_counted_and_no_token_is(auth: AuthServerWorld) -> None:
    good, outdated = await auth.access_token(), "outdated-access-token"
    with capture_logs() as lines:
        await auth.validate(good)
        await auth.validate(outdated)
        auth.provider.is_down = True
        await auth.user_info("never-asked-about")

    told = [line for line in lines if str(line["event"]).startswith("provider_token_")]
    assert [line["event"] for line in told] == ["provider_token_accepted", "provider_token_refused"]
    assert {line["provider"] for line in told} == {"test"}
    for token in (good, outdated, "never-asked-about"):
        assert token not in str(lines)
    metrics = (await auth.get("/metrics")).text
    assert 'authproxy_events_total{event="provider_token_refused"} 1.0' in metrics
    assert f'route="{VALIDATE}",status="401"}} 1.0' in metrics


async def test_each_endpoint_has_its_method(auth: AuthServerWorld) -> None:
    headers = bearing(await auth.access_token())

    assert (await auth.get(VALIDATE)).status_code == 405
    assert (await auth.post("/gateway-oauth/userinfo", headers=headers)).status_code == 200
