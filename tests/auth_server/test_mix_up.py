"""One provider sends the browser on to another, to be given the other's code (RFC 9700 §4.4)."""

from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth_server.domain.callbacks import named_in, shared
from auth_server.settings import ProviderSettings
from tests.support.auth_server import AUTH, GATEWAY_URI, AuthServerWorld
from tests.support.network import virtual_network
from tests.support.openid_provider import IDP

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-02")]

EVIL = "https://evil.test"


@dataclass
class HostileProvider:
    """Properly configured, and collects whatever codes it is given."""

    codes: list[str] = field(default_factory=list)

    async def metadata(self, _request: Request) -> Response:
        endpoints = {name: f"{EVIL}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        return JSONResponse({"issuer": EVIL, **endpoints})

    async def token(self, request: Request) -> Response:
        self.codes.append((await request.body()).decode())
        return JSONResponse({"error": "invalid_grant"}, 400)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/token_endpoint", self.token, methods=["POST"]),
            ]
        )


def world_with(evil: HostileProvider, good_path: str, evil_path: str) -> AuthServerWorld:
    world = AuthServerWorld(configured={"redirect_uri": AUTH + good_path})
    hostile = ProviderSettings(issuer=EVIL, client_id="x", redirect_uri=AUTH + evil_path)
    world.settings = replace(world.settings, providers={**world.settings.providers, "evil": hostile})
    world.internet = virtual_network({IDP: world.provider, EVIL: evil.app()})
    return world


@pytest.mark.parametrize(
    ("good_path", "evil_path"),
    [
        pytest.param("/callback/test", "/callback/evil", id="a path for each"),
        pytest.param("/callback", "/callback/evil", id="a path for the hostile one alone"),
        pytest.param("/callback/test", "/callback", id="a path for the honest one alone"),
    ],
)
async def test_a_code_of_another_provider_is_not_redeemed(good_path: str, evil_path: str) -> None:
    evil = HostileProvider()
    app = world_with(evil, good_path, evil_path).replica()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=AUTH) as browser:
        login = await browser.get("/login", params={"gateway_uri": GATEWAY_URI, "provider": "evil", "state": "s"})
        state = parse_qs(urlsplit(login.headers["location"]).query)["state"][0]
        answer = await browser.get(good_path, params={"code": "a-code-of-the-good-one", "state": state})
    assert answer.headers["location"].startswith(f"{GATEWAY_URI}?error=server_error")
    assert evil.codes == []


@pytest.mark.requirement("BR-06")
@pytest.mark.parametrize("name", ["login", "callback", "gateway-oauth"])
async def test_a_provider_may_be_called_like_a_path_of_ours(name: str) -> None:
    auth = AuthServerWorld(provider={"redirect_uri": f"{AUTH}/callback/{name}"}, providers=(name,))
    assert (await auth.tokens())["provider"] == name


@pytest.mark.requirement("CF-02")
def test_providers_that_share_a_redirect_uri_are_found() -> None:
    uris = {"a": f"{AUTH}/callback", "b": f"{AUTH}/gateway-oauth/callback", "c": f"{AUTH}/callback/c"}
    assert shared(uris) == ["a", "b"]
    assert shared({name: uri for name, uri in uris.items() if name != "b"}) == []
    assert [named_in(uri) for uri in uris.values()] == [None, None, "c"]
