"""Providers without OpenID, by their endpoints: the userinfo endpoint says who it is."""

from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.auth_server import CODES, AuthServerWorld, answer_of, asked_of, check_json, check_sent_back
from tests.support.openid_provider import IDP

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-08")]


def world(**configured: Any) -> AuthServerWorld:
    """An auth server whose provider knows nothing of OpenID."""
    named = {f"{name}_endpoint": f"{IDP}/{name}" for name in ("token", "userinfo")}
    named |= {"authorization_endpoint": f"{IDP}/authorize", "issuer": "", "scope": "profile offline_access"}
    return AuthServerWorld(provider={"speaks_openid": False}, configured=named | configured)


async def test_a_sign_in_without_discovery_and_id_token() -> None:
    auth = world()

    tokens = await auth.tokens()

    assert (tokens["user"]["sub"], tokens["user"]["name"]) == ("248289761001", "Alice")
    assert "id_token" not in tokens
    assert not {"metadata", "keys"} & auth.provider.asked.keys()


async def test_no_nonce_is_sent_where_nothing_would_carry_it_back() -> None:
    asked = asked_of(await world().login(login_hint="alice"))

    assert asked.keys() == {
        *("client_id", "response_type", "redirect_uri", "scope", "state", "login_hint"),
        *("code_challenge", "code_challenge_method"),
    }


@pytest.mark.parametrize(("value", "sub"), [(7, "7"), ("seven", "seven"), (0, "0")])
async def test_the_claim_that_identifies_a_person_is_configured(value: Any, sub: str) -> None:
    auth = world(subject_claim="uid")
    auth.provider.user = {"uid": value, "sub": "of another kind"}

    assert (await auth.tokens())["user"]["sub"] == sub


@pytest.mark.parametrize("value", [None, "", True, 7.5, ["7"]])
async def test_a_claim_that_identifies_nobody_is_a_fault(value: Any) -> None:
    auth = world(subject_claim="uid")
    auth.provider.user = {"uid": value}

    check_sent_back(await auth.complete(), "server_error")
    assert not auth.store.kept(CODES)


@pytest.mark.parametrize(
    ("instead", "error"),
    [
        pytest.param(Response(status_code=401), "server_error", id="refuses its own token"),
        pytest.param(JSONResponse(["a list"]), "server_error", id="a list"),
        pytest.param(Response("{}", media_type="text/html"), "server_error", id="HTML by its Content-Type"),
        pytest.param(Response(status_code=502), "temporarily_unavailable", id="502"),
    ],
)
async def test_a_userinfo_endpoint_that_does_not_say_who_it_is_makes_no_code(instead: Response, error: str) -> None:
    auth = world()
    auth.provider.instead["userinfo"] = instead

    check_sent_back(await auth.complete(), error)
    assert not auth.store.kept(CODES)


async def test_groups_are_where_the_configuration_says() -> None:
    auth = world(groups_claim="profile.teams")
    auth.provider.user = {"profile": {"teams": ["a", 7, "b"]}, "groups": ["of another kind"]}

    assert (await auth.tokens())["user"]["groups"] == ["a", "b"]


async def test_a_refresh_keeps_the_old_refresh_token_and_names_nobody() -> None:
    auth = world()
    auth.provider.rotates = False
    before = await auth.tokens()

    after = (await auth.refresh(before["refresh_token"])).json()

    assert (after["refresh_token"], after["user"]) == (before["refresh_token"], {})


async def test_a_token_that_the_provider_does_not_accept_is_refused() -> None:
    auth = world()
    good = await auth.access_token()

    assert (await auth.validate(good)).json()["user"]["sub"] == "248289761001"
    check_json(await auth.validate("unknown"), 401, "invalid_token")


@pytest.mark.parametrize("endpoint", [f"{IDP}/revoke", ""])
async def test_a_token_is_given_back_where_the_configuration_says(endpoint: str) -> None:
    auth = world(revocation_endpoint=endpoint)
    access_token = await auth.access_token()

    await auth.post("/gateway-oauth/revoke", data={"token": access_token, "provider": "test"})

    assert (access_token in auth.provider.access_tokens) is (endpoint == "")


@pytest.mark.requirement("BR-02")
@pytest.mark.parametrize(
    ("configured", "iss", "expected"),
    [
        pytest.param("", "https://idp.test", "error", id="none is configured"),
        pytest.param("https://idp.test", "https://evil.test", "error", id="another one"),
        pytest.param("https://idp.test", "https://idp.test", "code", id="the configured one"),
    ],
)
async def test_an_answer_with_an_issuer_is_that_issuers(configured: str, iss: str, expected: str) -> None:
    auth = world(type="oauth2", issuer=configured)

    answer = answer_of(await auth.get(f"{await auth.begin()}&iss={iss}"))

    assert expected in answer
    assert len(auth.store.kept(CODES)) == (1 if expected == "code" else 0)
