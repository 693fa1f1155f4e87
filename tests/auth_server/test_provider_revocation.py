"""`POST /gateway-oauth/revoke`: tokens given back at the provider, and 200 whatever came of it."""

from typing import Any

import httpx
import pytest
from starlette.responses import Response

from tests.support.auth_server import AuthServerWorld, check_json

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TK-06")]


async def revoke(auth: AuthServerWorld, **form: str) -> httpx.Response:
    return await auth.post("/gateway-oauth/revoke", data=form)


async def test_a_token_that_was_given_back_is_no_longer_accepted(auth: AuthServerWorld) -> None:
    refresh_token = (await auth.tokens())["refresh_token"]
    answer = await revoke(auth, token=refresh_token, provider="test")
    assert (answer.status_code, answer.json()) == (200, {})
    assert auth.provider.asked["revoke"] == [{"token": refresh_token}]
    check_json(await auth.refresh(refresh_token), 400, "invalid_grant")


@pytest.mark.parametrize(
    ("provider", "instead"),
    [
        pytest.param({"metadata": {"revocation_endpoint": None}}, None, id="has no such endpoint"),
        pytest.param({}, Response(status_code=500), id="fails"),
        pytest.param({}, Response(status_code=400), id="refuses"),
    ],
)
async def test_a_provider_that_cannot_changes_nothing(provider: dict[str, Any], instead: Response | None) -> None:
    auth = AuthServerWorld(provider=provider)
    refresh_token = (await auth.tokens())["refresh_token"]
    if instead:
        auth.provider.instead["revoke"] = instead
    assert (await revoke(auth, token=refresh_token, provider="test")).status_code == 200


async def test_a_provider_that_is_not_configured_is_nobody_to_ask(auth: AuthServerWorld) -> None:
    assert (await revoke(auth, token="x", provider="unknown")).status_code == 200
    assert auth.provider.times_asked("revoke") == 0


@pytest.mark.parametrize("form", [{"provider": "test"}, {"token": "x"}, {}])
async def test_a_request_that_lacks_something_is_refused(auth: AuthServerWorld, form: dict[str, str]) -> None:
    check_json(await revoke(auth, **form), 400, "invalid_request")


@pytest.mark.requirement("BR-01")
async def test_a_revocation_endpoint_without_tls_makes_the_metadata_unusable() -> None:
    auth = AuthServerWorld(provider={"metadata": {"revocation_endpoint": "http://idp.test/revoke"}})
    login = await auth.login()
    assert "error=server_error" in login.headers["location"]
