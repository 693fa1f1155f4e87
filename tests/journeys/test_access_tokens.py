"""An app of any kind, at a provider of somebody else's making, asks about the access token of its sign-in."""

from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import pytest

from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("BR-07")
async def test_an_app_that_signed_somebody_in_learns_whose_the_access_token_is(stack: Stack) -> None:
    # The one callback that the stack allows; whoever listens there takes no part in this sign-in.
    gateway_uri = f"{stack.gateway_url}/oauth/callback"
    backend = f"{stack.auth_url}/gateway-oauth"
    with anyio.fail_after(30):
        async with Browser() as browser:
            login = await browser.open(f"{stack.auth_url}/login?{urlencode({'gateway_uri': gateway_uri})}")
            returned = await browser.submit(login, {"sub": "alice"})
            code = parse_qs(urlsplit(returned.url).query)["code"][0]
            form = {"code": code, "gateway_uri": gateway_uri}
            tokens = (await browser.http.post(f"{backend}/exchange", data=form)).json()
            good = {"Authorization": f"Bearer {tokens['access_token']}"}

            validated = await browser.http.post(f"{backend}/validate", headers=good)
            user_info = await browser.http.get(f"{backend}/userinfo?provider=development", headers=good)
            unknown = await browser.http.post(f"{backend}/validate", headers={"Authorization": "Bearer unknown"})

    assert validated.json() == {"active": True, "provider": "development", "user": user_info.json()}
    assert user_info.json()["sub"] == tokens["user"]["sub"] == "alice"
    assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_token")
    assert tokens["access_token"] not in stack.logs()
