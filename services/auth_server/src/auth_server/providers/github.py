"""GitHub: OAuth 2.0 without OpenID. Who it is, the verified address, organisations and teams come from its REST API."""

import base64
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx

from auth_server.flows.ports import AuthorizationRequest
from auth_server.providers.asking import ask_provider, bounded, json_of
from auth_server.providers.client_authentication import ClientAuthentication
from auth_server.providers.oauth import OAuthClient
from auth_server.providers.oauth2 import OAuthProvider
from auth_server.providers.user_info import person_of
from auth_server.settings import ProviderSettings
from authproxy_common.clients.credentials import POST
from authproxy_common.clock import Clock
from authproxy_common.errors import AccessDenied, ServerError, TemporarilyUnavailable
from authproxy_common.http.client import Answer
from authproxy_common.secret import Secret

# RFC 9207's issuer, as GitHub's authorization server metadata has it.
_ISSUER = "https://github.com/login/oauth"
# The API refuses a request that does not say what sent it.
_HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "mcp-authproxy",
}
_SPENT = frozenset({"invalid_grant", "bad_refresh_token"})
_GROUP_SCOPES = {"read:org", "write:org", "admin:org"}
_PAGE, _PAGES = 100, 5


class GitHubProvider(OAuthProvider):
    """github.com, or the GitHub whose three endpoints are configured."""

    __slots__ = ()

    @classmethod
    def configured(cls, name: str, settings: ProviderSettings, http: httpx.AsyncClient, now: Clock) -> "GitHubProvider":
        if not settings.userinfo_endpoint:
            settings = replace(
                settings,
                issuer=_ISSUER,
                authorization_endpoint=f"{_ISSUER}/authorize",
                token_endpoint=f"{_ISSUER}/access_token",
                userinfo_endpoint="https://api.github.com/user",
            )
        return cls(
            name, OAuthClient(settings, ClientAuthentication(settings, now, preferred_method=POST), _SPENT), http
        )

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        if request.prompt == "none":
            raise AccessDenied("GitHub cannot sign anybody in without showing a page")
        # The one value that GitHub knows.
        prompt = "select_account" if "select_account" in (request.prompt or "").split() else None
        endpoint, further = self.client.settings.authorization_endpoint, {"login": request.login_hint or ""}
        scope = self._offline(request.scope)
        return self.client.authorization_url(endpoint, replace(request, prompt=prompt), scope, further)

    def _offline(self, scope: str) -> str:
        """With the scope by which an OAuth app gets a refresh token; it means nothing to a GitHub that is older."""
        scopes = dict.fromkeys([*scope.split(), *(["offline_access"] if self.client.settings.refresh_tokens else [])])
        return " ".join(scopes)

    def tokens_of(self, answer: Answer) -> dict[str, Any]:
        tokens = self.client.parse_tokens(answer)
        # GitHub has commas between scopes.
        scopes = [scope for text in tokens.get("scope") or [] for scope in text.split(",") if scope]
        return {**tokens, "scope": scopes}

    async def person(self, access_token: Secret) -> dict[str, Any] | None:
        answer = await self.ask_about(access_token, self._api("/user"))
        if answer.status == 403:
            # It says nothing about the token; a bad one is 401.
            raise TemporarilyUnavailable("GitHub answers no more questions for now", dependency="identity provider")
        user = person_of(answer, "id")
        if user is None:
            return None
        claims = {"sub": user["sub"], "preferred_username": user.get("login")}
        claims |= {"name": user.get("name"), "picture": user.get("avatar_url")}
        claims |= await self._verified_address(access_token)
        claims |= await self._groups(access_token)
        return {name: value for name, value in claims.items() if value is not None}

    async def revoke(self, token: Secret) -> bool:
        """By the REST API's way to delete an app token; GitHub has no endpoint of RFC 7009."""
        settings = self.client.settings
        pair = f"{settings.client_id}:{settings.client_secret.reveal()}"
        headers = _HEADERS | {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        url = self._api(f"/applications/{quote(settings.client_id, safe='')}/token")
        request = httpx.Request("DELETE", url, json={"access_token": token.reveal()}, headers=headers)
        async with bounded():
            return (await ask_provider(self.http, request)).status == 204

    async def ask_about(self, access_token: Secret, url: str) -> Answer:
        headers = _HEADERS | {"Authorization": f"Bearer {access_token.reveal()}"}
        return await ask_provider(self.http, httpx.Request("GET", url, headers=headers))

    async def _verified_address(self, access_token: Secret) -> dict[str, Any]:
        """The primary address where GitHub has verified it. The one in a profile is whatever a person wrote there."""
        for address in await self._list(access_token, "/user/emails") or []:
            if address.get("primary") is True and address.get("verified") is True:
                return {"email": address.get("email"), "email_verified": True}
        return {}

    async def _groups(self, access_token: Secret) -> dict[str, Any]:
        """Organisations as `org`, teams as `org/team`. None at all and a flag where there are more than we read."""
        if not _GROUP_SCOPES & set(self.scope.replace(",", " ").split()):
            return {}
        organisations = await self._list(access_token, "/user/orgs")
        teams = await self._list(access_token, "/user/teams")
        if organisations is None or teams is None:
            return {}
        if max(len(organisations), len(teams)) >= _PAGE * _PAGES:
            return {"groups_overage": True}
        names = [each.get("login") for each in organisations]
        names += [f"{(each.get('organization') or {}).get('login')}/{each.get('slug')}" for each in teams]
        return {"groups": [name for name in names if isinstance(name, str)]}

    async def _list(self, access_token: Secret, path: str) -> list[dict[str, Any]] | None:
        """What a list has on the pages that we read; None where the token's scope does not reach it."""
        found: list[dict[str, Any]] = []
        for page in range(1, _PAGES + 1):
            answer = await self.ask_about(access_token, self._api(f"{path}?per_page={_PAGE}&page={page}"))
            if answer.status in {403, 404}:
                return None
            listed = json_of(answer, f"list {path}")
            if answer.status != 200 or not isinstance(listed, list):
                raise ServerError(f"GitHub answered {answer.status} to a request for {path}")
            found += [each for each in listed if isinstance(each, dict)]
            if len(listed) < _PAGE:
                break
        return found

    def _api(self, path: str) -> str:
        return self.client.settings.userinfo_endpoint.removesuffix("/user") + path
