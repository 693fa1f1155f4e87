"""Providers of OAuth 2.0 without OpenID: their endpoints are configured, and the userinfo endpoint says who it is."""

from typing import Any

import httpx

from auth_server.flows.ports import AuthorizationRequest
from auth_server.providers.asking import ask_provider, bounded
from auth_server.providers.client_authentication import ClientAuthentication, Endpoint
from auth_server.providers.groups import with_groups
from auth_server.providers.oauth import OAuthClient, sign_in_of
from auth_server.providers.token_exchange import exchange_parameters, exchanged_token
from auth_server.providers.user_info import person_of, user_info_request
from auth_server.settings import ProviderSettings
from authproxy_common.clock import Clock
from authproxy_common.errors import ServerError
from authproxy_common.exchange import ExchangedToken, ExchangeTarget, SignIn
from authproxy_common.frozen import frozen
from authproxy_common.http.client import Answer
from authproxy_common.secret import Secret


@frozen
class OAuthProvider:
    """`flows.ports.IdentityProvider` for one configured provider.

    Without an ID token there is no nonce: PKCE binds the code to this sign-in, and the answer to the question whose
    access token it is comes over TLS from the provider itself.
    """

    name: str
    client: OAuthClient
    http: httpx.AsyncClient

    @classmethod
    def configured(cls, name: str, settings: ProviderSettings, http: httpx.AsyncClient, now: Clock) -> "OAuthProvider":
        """The provider that `settings` describe."""
        audience = settings.issuer or None
        return cls(name, OAuthClient(settings, ClientAuthentication(settings, now, audience)), http)

    @property
    def scope(self) -> str:
        return self.client.settings.asked_scope

    @property
    def redirect_uri(self) -> str:
        return self.client.settings.redirect_uri

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        endpoint = self.client.settings.authorization_endpoint
        further = {"login_hint": request.login_hint or ""}
        return self.client.authorization_url(endpoint, request, request.scope, further)

    async def check_issuer(self, issuer: str | None) -> None:
        # Where no issuer is configured none is expected, and one that comes is another provider's.
        if issuer is not None and issuer != self.client.settings.issuer:
            raise ServerError("the answer's iss is not that of the provider that was asked")

    async def redeem(self, code: str, code_verifier: Secret, _nonce: Secret) -> SignIn:
        async with bounded():
            request = self.client.code_request(Endpoint(self.client.settings.token_endpoint), code, code_verifier)
            tokens = self.tokens_of(await ask_provider(self.http, request))
            user = await self.person(Secret(tokens["access_token"]))
        if user is None:
            raise ServerError("the identity provider's userinfo endpoint does not accept the token just issued")
        return sign_in_of(self.name, tokens, user)

    async def refresh(self, refresh_token: Secret) -> SignIn:
        async with bounded():
            request = self.client.refresh_request(Endpoint(self.client.settings.token_endpoint), refresh_token)
            tokens = self.tokens_of(await ask_provider(self.http, request))
        tokens.setdefault("refresh_token", refresh_token.reveal())
        return sign_in_of(self.name, tokens, {})

    def tokens_of(self, answer: Answer) -> dict[str, Any]:
        """The members of a token response; raises what `OAuthClient.parse_tokens` does."""
        return self.client.parse_tokens(answer)

    async def revoke(self, token: Secret) -> bool:
        endpoint = self.client.settings.revocation_endpoint
        if not endpoint:
            return False
        async with bounded():
            request = self.client.revocation_request(Endpoint(endpoint), token)
            return (await ask_provider(self.http, request)).status == 200

    async def exchange(self, subject_token: Secret, target: ExchangeTarget) -> ExchangedToken:
        async with bounded():
            endpoint = Endpoint(self.client.settings.token_endpoint)
            request = self.client.exchange_request(endpoint, exchange_parameters(subject_token, target))
            return exchanged_token(await ask_provider(self.http, request))

    async def user_info(self, access_token: Secret) -> dict[str, Any] | None:
        async with bounded():
            return await self.person(access_token)

    async def person(self, access_token: Secret) -> dict[str, Any] | None:
        """Whose the token is, as gateways get them; None where the provider does not accept it."""
        settings = self.client.settings
        claims = person_of(
            await self.ask_about(access_token, settings.userinfo_endpoint), settings.subject_claim or "sub"
        )
        if claims is None or not settings.groups_claim:
            return claims
        return with_groups(claims, [claims], settings.groups_claim)

    async def ask_about(self, access_token: Secret, url: str) -> Answer:
        """What is answered at `url` to who has the token."""
        return await ask_provider(self.http, user_info_request(url, access_token))
