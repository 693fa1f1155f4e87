"""How refresh tokens are asked for, where a provider or an operator has a say in it."""

from typing import Any

import pytest

from tests.support.auth_server import AuthServerWorld, asked_of

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-04")]

GOOGLE = "https://accounts.google.com"


async def asked_by(provider: dict[str, Any], configured: dict[str, Any], **login: str) -> dict[str, str]:
    """The parameters of an authorization request."""
    world = AuthServerWorld(provider=provider, configured={"scope": "", **configured})
    return asked_of(await world.login(**login))


@pytest.mark.parametrize(
    ("supported", "configured", "scope"),
    [
        pytest.param(None, {}, "openid email profile offline_access", id="a provider that does not say"),
        pytest.param(["openid", "offline_access"], {}, "openid email profile offline_access", id="one that knows it"),
        pytest.param(["openid", "email"], {}, "openid email profile", id="one that does not know it"),
        pytest.param([], {}, "openid email profile", id="one that knows none"),
        pytest.param(["openid"], {"scope": "openid offline_access"}, "openid offline_access", id="as configured"),
        pytest.param(None, {"refresh_tokens": False}, "openid email profile", id="not wanted"),
    ],
)
async def test_the_scope_that_asks_for_a_refresh_token_is_sent_to_who_knows_it(
    supported: list[str] | None, configured: dict[str, Any], scope: str
) -> None:
    assert (await asked_by({"metadata": {"scopes_supported": supported}}, configured))["scope"] == scope


@pytest.mark.parametrize(
    ("configured", "login", "expected"),
    [
        pytest.param({}, {}, {"access_type": "offline", "prompt": "consent"}, id="first"),
        pytest.param(
            {}, {"has_refresh_token": "false"}, {"access_type": "offline", "prompt": "consent"}, id="has none"
        ),
        pytest.param({}, {"has_refresh_token": "true"}, {"access_type": "offline"}, id="has one"),
        pytest.param({}, {"prompt": "none"}, {"access_type": "offline", "prompt": "none"}, id="without a page"),
        pytest.param(
            {},
            {"has_refresh_token": "true", "prompt": "login select_account"},
            {"access_type": "offline", "prompt": "select_account"},
            id="has one, to sign in again",
        ),
        pytest.param({"refresh_tokens": False}, {}, {}, id="not wanted"),
        pytest.param(
            {"authorization_parameters": {"prompt": "select_account"}},
            {},
            {"access_type": "offline", "prompt": "select_account"},
            id="as configured",
        ),
    ],
)
async def test_google_asks_for_consent_where_a_refresh_token_is_wanted_and_not_had(
    configured: dict[str, Any], login: dict[str, str], expected: dict[str, str]
) -> None:
    asked = await asked_by({"issuer": GOOGLE}, configured, **login)

    assert {name: asked[name] for name in ("access_type", "prompt") if name in asked} == expected


async def test_google_is_not_asked_for_a_scope_that_it_refuses() -> None:
    assert (await asked_by({"issuer": GOOGLE}, {"scope": "openid offline_access"}))["scope"] == "openid"


@pytest.mark.requirement("AZ-08")
async def test_whether_there_is_a_refresh_token_is_said_in_two_words() -> None:
    answer = await AuthServerWorld().login(has_refresh_token="perhaps")

    assert answer.status_code == 400
    assert "true or false" in answer.text
