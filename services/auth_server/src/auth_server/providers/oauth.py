"""OAuth 2.0 towards a provider: requests built and answers parsed with oauthlib, sans I/O.

An oauthlib client remembers the last code and token it saw, so one is made for each request.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from oauthlib.oauth2.rfc6749.parameters import prepare_token_request

from auth_server.flows.ports import AuthorizationRequest
from auth_server.providers.asking import json_of
from auth_server.providers.client_authentication import ClientAuthentication, Endpoint
from auth_server.settings import ProviderSettings
from authproxy_common.errors import InvalidGrant, ServerError
from authproxy_common.exchange import SignIn, lifetime
from authproxy_common.frozen import frozen
from authproxy_common.http.client import Answer
from authproxy_common.pkce import METHOD
from authproxy_common.secret import Secret

_SOURCE = "token endpoint"


@frozen
class OAuthClient:
    """This auth server as the provider's client.

    Args:
        settings: What is registered with the provider.
        authentication: Its credentials.
        spent: Error codes by which the provider says that it no longer accepts a grant.
    """

    settings: ProviderSettings
    authentication: ClientAuthentication
    spent: frozenset[str] = frozenset({"invalid_grant"})

    def authorization_url(
        self, endpoint: str, request: AuthorizationRequest, scope: str, further: Mapping[str, str]
    ) -> str:
        """RFC 6749 §4.1.1 with PKCE. `resource` is for us and never passed on.

        Args:
            endpoint: The provider's.
            request: What this sign-in asks for.
            scope: The scopes to ask for, which may be none.
            further: Parameters of this kind of provider, empty ones left out; the configuration's replace them.
        """
        parameters = {**further, **self.settings.authorization_parameters}
        parameters["prompt"] = _both_prompts(parameters.get("prompt"), request.prompt)
        if self.settings.response_mode:
            parameters["response_mode"] = self.settings.response_mode
        url = WebApplicationClient(self.settings.client_id).prepare_request_uri(
            _on_https(endpoint),
            redirect_uri=self.settings.redirect_uri,
            scope=scope or None,
            state=request.state,
            code_challenge=request.code_challenge.value,
            code_challenge_method=METHOD,
            **parameters,
        )
        return urlsplit(url)._replace(scheme=urlsplit(endpoint).scheme).geturl()

    def code_request(self, endpoint: Endpoint, code: str, code_verifier: Secret) -> httpx.Request:
        """RFC 6749 §4.1.3."""
        body = WebApplicationClient(self.settings.client_id).prepare_request_body(
            code=code,
            redirect_uri=self.settings.redirect_uri,
            code_verifier=code_verifier.reveal(),
            include_client_id=False,
        )
        return self._authenticated(endpoint, body)

    def refresh_request(self, endpoint: Endpoint, refresh_token: Secret) -> httpx.Request:
        """RFC 6749 §6. Without `scope`, which means the scope of before."""
        body = WebApplicationClient(self.settings.client_id).prepare_refresh_body(refresh_token=refresh_token.reveal())
        return self._authenticated(endpoint, body)

    def exchange_request(self, endpoint: Endpoint, parameters: Mapping[str, str]) -> httpx.Request:
        """RFC 8693 §2.1, or what a vendor has in its place."""
        return self._authenticated(endpoint, prepare_token_request(**parameters, include_client_id=False))

    def revocation_request(self, endpoint: Endpoint, token: Secret) -> httpx.Request:
        """RFC 7009 §2.1."""
        _, _, body = WebApplicationClient(self.settings.client_id).prepare_token_revocation_request(
            _on_https(endpoint.url), token.reveal(), token_type_hint=None
        )
        return self._authenticated(endpoint, body)

    def parse_tokens(self, answer: Answer) -> dict[str, Any]:
        """The members of a successful token response (RFC 6749 §5.1).

        Raises:
            InvalidGrant: The provider did not accept what it had issued.
            ServerError: It answered anything else, the client's own credentials being wrong included.
        """
        body = json_of(answer, _SOURCE)
        if not isinstance(body, dict) or (answer.status != 200 and "error" not in body):
            raise ServerError(f"the identity provider's {_SOURCE} answered {answer.status} with something else")
        if body.get("error") in tuple(self.spent):
            raise InvalidGrant("the identity provider no longer accepts this grant")
        try:
            # No `scope=`: oauthlib would raise a bare Warning where the provider granted another.
            tokens = WebApplicationClient(self.settings.client_id).parse_request_body_response(answer.body.decode())
        except (OAuth2Error, ValueError, TypeError, AttributeError) as error:
            # The last two are what oauthlib makes of members that are not of their type.
            raise ServerError("the identity provider refused the token request") from error
        if not isinstance(tokens.get("access_token"), str):
            raise ServerError("the identity provider's token response has no access_token")
        return dict(tokens)

    def _authenticated(self, endpoint: Endpoint, body: str) -> httpx.Request:
        """With this client's credentials, in a way that the provider's metadata offers."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        credentials = self.authentication.at(endpoint)
        body = "&".join(filter(None, (body, urlencode(credentials.form))))
        return httpx.Request("POST", endpoint.url, content=body, headers=headers | dict(credentials.headers))


def sign_in_of(provider: str, tokens: dict[str, Any], user: dict[str, Any]) -> SignIn:
    """What a gateway gets of a token response."""
    refresh_token, id_token = tokens.get("refresh_token"), tokens.get("id_token")
    scope = tokens.get("scope")
    return SignIn(
        provider=provider,
        access_token=Secret(tokens["access_token"]),
        token_type=str(tokens.get("token_type") or "Bearer"),
        refresh_token=Secret(refresh_token) if isinstance(refresh_token, str) else None,
        id_token=Secret(id_token) if isinstance(id_token, str) else None,
        expires_in=lifetime(tokens.get("expires_in")),
        scope=" ".join(scope) if isinstance(scope, list) else None,
        user=user,
    )


def _on_https(endpoint: str) -> str:
    """oauthlib takes https URLs only; whether a provider may be on http was decided once, by development_mode."""
    return urlsplit(endpoint)._replace(scheme="https").geturl()


def _both_prompts(configured: str | None, requested: str | None) -> str:
    """What the configuration always asks for and what this gateway does; `none` stands alone (OIDC Core §3.1.2.1)."""
    if requested == "none":
        return requested
    return " ".join(dict.fromkeys([*(configured or "").split(), *(requested or "").split()]))
