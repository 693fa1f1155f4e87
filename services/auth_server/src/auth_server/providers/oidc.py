"""OpenID providers, by discovery."""

from dataclasses import replace
from typing import Any

import httpx

from auth_server.flows.ports import AuthorizationRequest
from auth_server.providers.asking import ask_provider, bounded
from auth_server.providers.client_authentication import ClientAuthentication, Endpoint
from auth_server.providers.discovery import Discovery, ProviderMetadata
from auth_server.providers.groups import with_groups
from auth_server.providers.id_token import IDTokenValidator
from auth_server.providers.oauth import OAuthClient, sign_in_of
from auth_server.providers.token_exchange import exchanged_token
from auth_server.providers.user_info import claims_of, user_info_request
from auth_server.providers.vendor import Vendor
from authproxy_common.clock import Clock
from authproxy_common.errors import AccessDenied, InvalidGrant, ServerError, TemporarilyUnavailable
from authproxy_common.exchange import ExchangedToken, ExchangeTarget, SignIn
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret


@frozen
class OpenIDProvider:
    """`flows.ports.IdentityProvider` for one configured provider."""

    name: str
    vendor: Vendor
    client: OAuthClient
    discovery: Discovery
    id_tokens: IDTokenValidator
    http: httpx.AsyncClient

    @classmethod
    def configured(cls, name: str, vendor: Vendor, http: httpx.AsyncClient, now: Clock) -> "OpenIDProvider":
        """The provider that the vendor's settings describe; nothing is fetched yet."""
        settings = vendor.settings
        audience = settings.issuer if vendor.assertion_names_issuer else None
        client = OAuthClient(settings, ClientAuthentication(settings, now, audience, vendor.rsa_algorithm))
        discovery = Discovery(vendor, http, now)
        return cls(name, vendor, client, discovery, IDTokenValidator(discovery, settings.client_id, now), http)

    @property
    def scope(self) -> str:
        return self.client.settings.asked_scope

    @property
    def redirect_uri(self) -> str:
        return self.client.settings.redirect_uri

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        async with bounded():
            metadata = await self.discovery.metadata()
        request = replace(request, prompt=self.vendor.prompt(request.prompt))
        further = {"nonce": request.nonce.reveal(), "login_hint": request.login_hint or ""}
        further |= self.vendor.parameters(request)
        scope = self.vendor.scope(request.scope, metadata.scopes)
        return self.client.authorization_url(metadata.authorization_endpoint, request, scope, further)

    async def check_issuer(self, issuer: str | None) -> None:
        async with bounded():
            metadata = await self.discovery.metadata()
        is_ours = not metadata.sends_issuer if issuer is None else self.vendor.is_own_answer(issuer)
        if not is_ours:
            raise ServerError("the answer's iss is not that of the provider that was asked")

    async def redeem(self, code: str, code_verifier: Secret, nonce: Secret) -> SignIn:
        async with bounded():
            endpoint = _token_endpoint(await self.discovery.metadata())
            request = self.client.code_request(endpoint, code, code_verifier)
            tokens = self.client.parse_tokens(await ask_provider(self.http, request))
            if not isinstance(tokens.get("id_token"), str):
                raise ServerError("the identity provider's token response has no id_token")
            claims = await self.id_tokens.validate(Secret(tokens["id_token"]), nonce)
            user = await self._user(claims, tokens)
        return sign_in_of(self.name, tokens, user)

    async def refresh(self, refresh_token: Secret) -> SignIn:
        async with bounded():
            endpoint = _token_endpoint(await self.discovery.metadata())
            request = self.client.refresh_request(endpoint, refresh_token)
            tokens = self.client.parse_tokens(await ask_provider(self.http, request))
            tokens.setdefault("refresh_token", refresh_token.reveal())
            user = await self._renewed_user(tokens) if isinstance(tokens.get("id_token"), str) else {}
        return sign_in_of(self.name, tokens, user)

    async def _renewed_user(self, tokens: dict[str, Any]) -> dict[str, Any]:
        """Empty where the keys cannot be had: the refresh token is spent by now, and its successor must not be lost."""
        try:
            return await self._user(await self.id_tokens.validate(Secret(tokens["id_token"]), None), tokens)
        except TemporarilyUnavailable:
            return {}
        except AccessDenied as error:
            # What the configuration has come to refuse is over, like what the provider refuses.
            raise InvalidGrant(error.description) from error

    async def _user(self, claims: dict[str, Any], tokens: dict[str, Any]) -> dict[str, Any]:
        """The claims of a validated ID token as gateways get them; raises AccessDenied for whom may not come in."""
        self.vendor.check_person(claims)
        return await self._described(claims, Secret(tokens["access_token"]))

    async def _described(self, claims: dict[str, Any], access_token: Secret) -> dict[str, Any]:
        path = self.client.settings.groups_claim or self.vendor.groups_claim
        if not path:
            return self.vendor.described(claims)
        sources = [claims]
        if self.vendor.groups_in_access_token:
            sources.append(await self.id_tokens.access_token_claims(access_token, claims["sub"]))
        return with_groups(self.vendor.described(claims), sources, path)

    async def revoke(self, token: Secret) -> bool:
        async with bounded():
            metadata = await self.discovery.metadata()
            if not metadata.revocation_endpoint:
                return False
            endpoint = Endpoint(
                metadata.revocation_endpoint, metadata.token_endpoint_auth_methods, metadata.assertion_algorithms
            )
            request = self.client.revocation_request(endpoint, token)
            return (await ask_provider(self.http, request)).status == 200

    async def exchange(self, subject_token: Secret, target: ExchangeTarget) -> ExchangedToken:
        async with bounded():
            endpoint = _token_endpoint(await self.discovery.metadata())
            endpoint = replace(endpoint, url=self.vendor.exchange_endpoint(endpoint.url, subject_token))
            parameters = self.vendor.exchange_parameters(subject_token, target)
            return exchanged_token(await ask_provider(self.http, self.client.exchange_request(endpoint, parameters)))

    async def user_info(self, access_token: Secret) -> dict[str, Any] | None:
        async with bounded():
            endpoint = (await self.discovery.metadata()).userinfo_endpoint
            if not endpoint:
                raise ServerError("the identity provider has no userinfo endpoint, so it cannot be asked about tokens")
            claims = claims_of(await ask_provider(self.http, user_info_request(endpoint, access_token)))
            if not claims or not self.vendor.admits_user_info(claims, access_token):
                return None
            return await self._described(claims, access_token)


def _token_endpoint(metadata: ProviderMetadata) -> Endpoint:
    return Endpoint(metadata.token_endpoint, metadata.token_endpoint_auth_methods, metadata.assertion_algorithms)
