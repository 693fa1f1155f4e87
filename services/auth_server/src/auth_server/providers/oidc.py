"""Any OpenID provider, by discovery."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx

from auth_server.flows.ports import AuthorizationRequest
from auth_server.providers.discovery import DEADLINE, Discovery
from auth_server.providers.id_token import IDTokenValidator
from auth_server.providers.oauth import OAuthClient
from auth_server.providers.user_info import claims_of, user_info_request
from auth_server.settings import ProviderSettings
from authproxy_common.clock import Clock
from authproxy_common.errors import ServerError, TemporarilyUnavailable
from authproxy_common.exchange import SignIn, lifetime
from authproxy_common.http.client import Answer, ask
from authproxy_common.secret import Secret


@dataclass(frozen=True, slots=True)
class OpenIDProvider:
    """`flows.ports.IdentityProvider` for one configured provider."""

    name: str
    client: OAuthClient
    discovery: Discovery
    id_tokens: IDTokenValidator
    http: httpx.AsyncClient

    @classmethod
    def configured(cls, name: str, settings: ProviderSettings, http: httpx.AsyncClient, now: Clock) -> "OpenIDProvider":
        """The provider that `settings` describe; nothing is fetched yet."""
        discovery = Discovery(settings.issuer, http, now)
        id_tokens = IDTokenValidator(discovery, settings.client_id, now)
        return cls(name, OAuthClient(settings), discovery, id_tokens, http)

    @property
    def scope(self) -> str:
        return self.client.settings.scope

    @property
    def redirect_uri(self) -> str:
        return self.client.settings.redirect_uri

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        async with _bounded():
            metadata = await self.discovery.metadata()
        return self.client.authorization_url(metadata.authorization_endpoint, request)

    async def check_issuer(self, issuer: str | None) -> None:
        async with _bounded():
            metadata = await self.discovery.metadata()
        if issuer != self.discovery.issuer and (issuer is not None or metadata.sends_issuer):
            raise ServerError("the answer does not come from the provider that was asked")

    async def redeem(self, code: str, code_verifier: Secret, nonce: Secret) -> SignIn:
        async with _bounded():
            metadata = await self.discovery.metadata()
            request = self.client.code_request(
                metadata.token_endpoint, metadata.token_endpoint_auth_methods, code, code_verifier
            )
            tokens = self.client.parse_tokens(await self._ask(request))
            if not isinstance(tokens.get("id_token"), str):
                raise ServerError("the identity provider's token response has no id_token")
            claims = await self.id_tokens.validate(Secret(tokens["id_token"]), nonce)
        return self._sign_in(tokens, claims)

    async def refresh(self, refresh_token: Secret) -> SignIn:
        async with _bounded():
            metadata = await self.discovery.metadata()
            request = self.client.refresh_request(
                metadata.token_endpoint, metadata.token_endpoint_auth_methods, refresh_token
            )
            tokens = self.client.parse_tokens(await self._ask(request))
            tokens.setdefault("refresh_token", refresh_token.reveal())
            id_token = tokens.get("id_token")
            claims = await self._renewed_claims(id_token) if isinstance(id_token, str) else {}
        return self._sign_in(tokens, claims)

    async def _renewed_claims(self, id_token: str) -> dict[str, Any]:
        """Empty where the keys cannot be had: the refresh token is spent by now, and its successor must not be lost."""
        try:
            return await self.id_tokens.validate(Secret(id_token), None)
        except TemporarilyUnavailable:
            return {}

    async def revoke(self, token: Secret) -> bool:
        async with _bounded():
            metadata = await self.discovery.metadata()
            if not metadata.revocation_endpoint:
                return False
            request = self.client.revocation_request(
                metadata.revocation_endpoint, metadata.token_endpoint_auth_methods, token
            )
            return (await self._ask(request)).status == 200

    async def user_info(self, access_token: Secret) -> dict[str, Any] | None:
        async with _bounded():
            endpoint = (await self.discovery.metadata()).userinfo_endpoint
            if not endpoint:
                raise ServerError("the identity provider has no userinfo endpoint, so it cannot be asked about tokens")
            return claims_of(await self._ask(user_info_request(endpoint, access_token)))

    async def _ask(self, request: httpx.Request) -> Answer:
        return await ask(self.http, request, dependency="identity provider", deadline=DEADLINE)

    def _sign_in(self, tokens: dict[str, Any], claims: dict[str, Any]) -> SignIn:
        refresh_token, id_token = tokens.get("refresh_token"), tokens.get("id_token")
        scope = tokens.get("scope")
        return SignIn(
            provider=self.name,
            access_token=Secret(tokens["access_token"]),
            token_type=str(tokens.get("token_type") or "Bearer"),
            refresh_token=Secret(refresh_token) if isinstance(refresh_token, str) else None,
            id_token=Secret(id_token) if isinstance(id_token, str) else None,
            expires_in=lifetime(tokens.get("expires_in")),
            scope=" ".join(scope) if isinstance(scope, list) else None,
            user=claims,
        )


@asynccontextmanager
async def _bounded() -> AsyncIterator[None]:
    """One bound over all that a step asks of the provider, waiting for another step's fetch included."""
    try:
        with anyio.fail_after(DEADLINE.total_seconds()):
            yield
    except TimeoutError as error:
        raise TemporarilyUnavailable(
            "the identity provider did not answer in time", dependency="identity provider"
        ) from error
