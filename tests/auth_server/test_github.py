"""GitHub: who somebody is without OpenID, and what of it can be believed."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from authproxy_common.exchange import SignIn
from authproxy_common.gateway_sign_in import GatewaySignIn
from tests.support.auth_server import (
    AUTH,
    CODES,
    GATEWAY_URI,
    answer_of,
    asked_of,
    check_json,
    check_sent_back,
)
from tests.support.github import GitHub, github_world
from tests.support.network import virtual_network

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-08")]

SCOPE = "read:user user:email read:org"


async def user_of(github: GitHub, **configured: Any) -> dict[str, Any]:
    """Whom a gateway gets for who signs in."""
    user: dict[str, Any] = (await github_world(github, **({"scope": SCOPE} | configured)).tokens())["user"]
    return user


async def test_a_person_is_the_number_that_github_gave_them_as_text() -> None:
    user = await user_of(GitHub())

    assert (user["sub"], user["preferred_username"]) == ("583231", "octocat")
    assert (user["email"], user["email_verified"]) == ("octocat@example.com", True)
    assert user["groups"] == ["github", "github/justice-league"]


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param([{"email": "a@b.test", "primary": True, "verified": False}], id="not verified"),
        pytest.param([{"email": "a@b.test", "primary": False, "verified": True}], id="not primary"),
        pytest.param([{"email": "a@b.test", "primary": "true", "verified": "true"}], id="in words"),
        pytest.param([], id="none"),
    ],
)
async def test_an_address_that_github_has_not_verified_is_no_address(addresses: list[dict[str, Any]]) -> None:
    user = await user_of(GitHub(addresses=addresses))

    assert "email" not in user
    assert "written@by.herself" not in str(user)


async def test_without_the_scopes_there_is_neither_address_nor_group() -> None:
    world = github_world(GitHub(), scope=SCOPE)

    user = (await world.tokens(scope="read:user"))["user"]

    assert user.keys() == {"sub", "preferred_username", "name"}


async def test_groups_are_not_asked_for_unless_the_configuration_wants_them() -> None:
    github = GitHub()

    user = await user_of(github, scope="")

    assert "groups" not in user
    assert not {"/user/orgs", "/user/teams"} & github.asked.keys()
    assert user["email"] == "octocat@example.com"


async def test_every_page_of_teams_is_read() -> None:
    teams = [{"slug": f"team-{number}", "organization": {"login": "github"}} for number in range(101)]

    user = await user_of(GitHub(teams=teams))

    assert user["groups"][-1] == "github/team-100"
    assert len(user["groups"]) == 102


async def test_more_teams_than_we_read_are_no_groups_and_an_alarm() -> None:
    teams = [{"slug": f"team-{number}", "organization": {"login": "github"}} for number in range(500)]
    with capture_logs() as lines:
        user = await user_of(GitHub(teams=teams))

    assert "groups" not in user
    assert user["groups_overage"] is True
    [alarm] = [line for line in lines if line["event"] == "groups_overage"]
    assert (alarm["provider"], alarm["log_level"]) == ("github", "warning")


@pytest.mark.parametrize("identifier", [None, True, "", {"a": 1}], ids=["none", "a truth", "empty", "an object"])
async def test_a_person_without_an_identifier_is_nobody(identifier: Any) -> None:
    world = github_world(GitHub(person={"id": identifier, "login": "octocat"}))

    check_sent_back(await world.complete(), "server_error")
    assert not world.store.kept(CODES)


@pytest.mark.parametrize("error", ["bad_verification_code", "incorrect_client_credentials", "unverified_user_email"])
async def test_an_error_with_the_status_of_a_success_is_an_error(error: str) -> None:
    world = github_world(GitHub(token_error=error))

    check_sent_back(await world.complete(), "server_error")
    assert not world.store.kept(CODES)


async def test_a_refresh_token_that_github_no_longer_accepts_is_an_invalid_grant() -> None:
    world = github_world(GitHub(token_error="bad_refresh_token"))

    check_json(await world.refresh("ghr_outdated", provider="github"), 400, "invalid_grant")


@pytest.mark.requirement("BR-04")
async def test_a_refresh_token_is_asked_for_whatever_the_gateway_asks_and_renewed() -> None:
    github = GitHub()
    world = github_world(github)

    before = await world.tokens(scope="read:user")
    after = (await world.refresh(before["refresh_token"], provider="github")).json()

    assert github.asked["authorize"][0]["scope"] == "read:user offline_access"
    assert before["expires_in"] == 28800
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] not in {None, before["refresh_token"]}
    world.clock.advance(timedelta(minutes=1))
    check_json(await world.refresh(before["refresh_token"], provider="github"), 400, "invalid_grant")


@pytest.mark.requirement("BR-04")
async def test_no_refresh_token_is_asked_for_where_none_is_wanted() -> None:
    assert "refresh_token" not in await github_world(GitHub(), refresh_tokens=False).tokens()


async def test_scopes_come_back_with_spaces_between_them() -> None:
    assert (await github_world(GitHub(), scope=SCOPE).tokens())["scope"] == "read:org read:user user:email"


async def test_a_token_is_good_until_it_was_given_back() -> None:
    world = github_world(GitHub())
    access_token = await world.access_token()
    assert (await world.validate(access_token)).json()["user"]["sub"] == "583231"

    await world.post("/gateway-oauth/revoke", data={"token": access_token, "provider": "github"})
    world.clock.advance(world.settings.validation_kept)

    check_json(await world.validate(access_token), 401, "invalid_token")


@pytest.mark.requirement("TK-06")
async def test_signing_out_as_apps_do_gives_back_every_token_that_github_can_take() -> None:
    world = github_world(GitHub())
    tokens = await world.tokens()
    app = GatewaySignIn(auth_server_url=AUTH, gateway_uri=GATEWAY_URI, http=virtual_network({AUTH: world.app}))

    await app.revoke(SignIn.from_json(tokens))
    world.clock.advance(world.settings.validation_kept)

    check_json(await world.validate(tokens["access_token"]), 401, "invalid_token")


async def test_a_github_that_has_had_enough_of_us_says_nothing_about_the_token() -> None:
    github = GitHub()
    world = github_world(github)
    access_token = await world.access_token()
    github.refusals["/user"] = 403

    check_json(await world.validate(access_token), 503, "temporarily_unavailable")


async def test_what_github_does_not_know_it_is_not_asked() -> None:
    world = github_world(GitHub())

    asked = asked_of(await world.login(prompt="login select_account", login_hint="octocat"))

    assert (asked["login"], asked["prompt"]) == ("octocat", "select_account")
    assert not {"nonce", "login_hint"} & asked.keys()
    check_sent_back(await world.login(prompt="none"), "access_denied")


@pytest.mark.requirement("BR-02")
@pytest.mark.parametrize(
    ("iss", "expected"), [("https://github.com/login/oauth", "code"), ("https://idp.test", "error")]
)
async def test_an_answer_of_another_provider_is_not_used(iss: str, expected: str) -> None:
    world = github_world(GitHub())

    assert expected in answer_of(await world.get(f"{await world.begin()}&iss={iss}"))
