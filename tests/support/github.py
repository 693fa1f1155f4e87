"""A small honest GitHub in this process: its OAuth endpoints, and what of its REST API tells who somebody is."""

import base64
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth_server.settings import ProviderSettings
from authproxy_common.secret import Secret
from tests.support.auth_server import AuthServerWorld
from tests.support.network import virtual_network
from tests.support.openid_provider import s256

GITHUB, API = "https://github.com", "https://api.github.com"
_PERSON = {"id": 583231, "login": "octocat", "name": "The Octocat", "email": "written@by.herself"}
_ADDRESSES = [
    {"email": "old@example.com", "primary": False, "verified": True},
    {"email": "octocat@example.com", "primary": True, "verified": True},
]
_TEAM = {"slug": "justice-league", "organization": {"login": "github"}}


@dataclass
class GitHub:
    """With one OAuth app registered.

    Args:
        client_id, client_secret, redirect_uri: The app's registration.
        person, addresses, organisations, teams: Who everybody is who signs in.
        refusals: Statuses of the API in place of its answers, by path.
        token_error: What the token endpoint answers to everything, with status 200 as GitHub does.
    """

    issuer: str = f"{GITHUB}/login/oauth"
    client_id: str = "Iv1.broker"
    client_secret: str = "github-hush"
    redirect_uri: str = "https://auth.test/callback"
    person: dict[str, Any] = field(default_factory=lambda: dict(_PERSON))
    addresses: list[dict[str, Any]] = field(default_factory=lambda: list(_ADDRESSES))
    organisations: list[dict[str, Any]] = field(default_factory=lambda: [{"login": "github"}])
    teams: list[dict[str, Any]] = field(default_factory=lambda: [_TEAM])
    refusals: dict[str, int] = field(default_factory=dict)
    token_error: str | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    refresh_tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def site(self) -> Starlette:
        """github.com."""
        return Starlette(
            routes=[
                Route("/login/oauth/authorize", self._authorize),
                Route("/login/oauth/access_token", self._token, methods=["POST"]),
            ]
        )

    def api(self) -> Starlette:
        """api.github.com."""
        lists = {"emails": "addresses", "orgs": "organisations", "teams": "teams"}
        return Starlette(
            routes=[
                Route("/user", self._answering(lambda _request: self.person)),
                *(Route(f"/user/{path}", self._answering(self._page(name))) for path, name in lists.items()),
                Route("/applications/{client_id}/token", self._delete, methods=["DELETE"]),
            ]
        )

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.setdefault("authorize", []).append(asked)
        assert (asked["client_id"], asked["redirect_uri"]) == (self.client_id, self.redirect_uri)
        code = secrets.token_hex(10)
        self.codes[code] = asked
        return RedirectResponse(f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.asked.setdefault("token", []).append(form)
        if request.headers.get("accept") != "application/json":
            return Response("access_token=…", media_type="application/x-www-form-urlencoded")
        is_refresh = form.get("grant_type") == "refresh_token"
        issued = self.refresh_tokens if is_refresh else self.codes
        asked = issued.pop(form.get("refresh_token" if is_refresh else "code", ""), None)
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return JSONResponse({"error": "incorrect_client_credentials"})
        if self.token_error:
            return JSONResponse({"error": self.token_error})
        if asked is None:
            return JSONResponse({"error": "bad_refresh_token" if is_refresh else "bad_verification_code"})
        if not is_refresh and s256(form.get("code_verifier", "")) != asked["code_challenge"]:
            return JSONResponse({"error": "bad_verification_code"})
        return JSONResponse(self._issued(asked))

    def _issued(self, asked: dict[str, str]) -> dict[str, Any]:
        """`offline_access` makes a token expire and brings a refresh token; it is no scope of the token's."""
        token, scopes = f"gho_{secrets.token_hex(18)}", set(asked.get("scope", "").split())
        self.tokens[token] = scopes - {"offline_access"}
        body = {"access_token": token, "token_type": "bearer", "scope": ",".join(sorted(self.tokens[token]))}
        if "offline_access" not in scopes:
            return body
        refresh_token = f"ghr_{secrets.token_hex(38)}"
        self.refresh_tokens[refresh_token] = asked
        return {**body, "expires_in": 28800, "refresh_token": refresh_token, "refresh_token_expires_in": 15897600}

    async def _delete(self, request: Request) -> Response:
        pair = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return Response(status_code=404)
        known = self.tokens.pop(json.loads(await request.body())["access_token"], None)
        return Response(status_code=204 if known is not None else 422)

    def _page(self, name: str) -> Any:
        def page(request: Request) -> list[dict[str, Any]]:
            size, number = int(request.query_params["per_page"]), int(request.query_params["page"])
            return list(getattr(self, name)[size * (number - 1) : size * number])

        return page

    def _answering(self, endpoint: Any) -> Any:
        """For whoever has a token that reaches so far, and says what is asking."""

        async def answer(request: Request) -> Response:
            path = request.url.path
            self.asked.setdefault(path, []).append(dict(request.query_params))
            if request.headers.get("user-agent") != "mcp-authproxy" or "x-github-api-version" not in request.headers:
                return JSONResponse({"message": "Request forbidden by administrative rules."}, 403)
            scopes = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
            if scopes is None:
                return JSONResponse({"message": "Bad credentials"}, 401)
            needed = {"/user": None, "/user/emails": "user:email"}.get(path, "read:org")
            if path in self.refusals or (needed and needed not in scopes):
                return JSONResponse({"message": "Not Found"}, self.refusals.get(path, 404))
            return JSONResponse(endpoint(request))

        return answer


def github_world(github: GitHub, **configured: Any) -> AuthServerWorld:
    """An auth server that knows GitHub alone."""
    values: dict[str, Any] = {
        "type": "github",
        "client_id": github.client_id,
        "client_secret": Secret(github.client_secret),
        "redirect_uri": github.redirect_uri,
    }
    world = AuthServerWorld()
    settings = ProviderSettings(**(values | configured))
    world.settings = replace(world.settings, providers={"github": settings})
    world.provider = github  # type: ignore[assignment]  # it stands where browsers are sent to
    world.internet = virtual_network({GITHUB: github.site(), API: github.api()})
    world.app = world.replica()
    world.browser = world.another_browser()
    return world
