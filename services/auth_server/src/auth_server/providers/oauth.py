"""OAuth 2.0 towards a provider: requests built and answers parsed with oauthlib, sans I/O.

An oauthlib client remembers the last code and token it saw, so one is made for each request.
"""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError

from auth_server.flows.ports import AuthorizationRequest
from auth_server.settings import ProviderSettings
from authproxy_common.errors import InvalidGrant, ServerError
from authproxy_common.http.client import Answer
from authproxy_common.pkce import METHOD
from authproxy_common.secret import Secret


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """This auth server as the provider's client.

    Args:
        settings: What is registered with the provider.
    """

    settings: ProviderSettings

    def authorization_url(self, endpoint: str, request: AuthorizationRequest) -> str:
        """RFC 6749 §4.1.1 with PKCE and OpenID Connect's parameters. `resource` is for us and never passed on."""
        client = WebApplicationClient(self.settings.client_id)
        parameters = {**self.settings.authorization_parameters, "nonce": request.nonce.reveal()}
        parameters |= {"prompt": _both_prompts(parameters.get("prompt"), request.prompt)}
        parameters |= {"login_hint": request.login_hint} if request.login_hint else {}
        url = client.prepare_request_uri(
            _on_https(endpoint),
            redirect_uri=self.settings.redirect_uri,
            scope=request.scope,
            state=request.state,
            code_challenge=request.code_challenge.value,
            code_challenge_method=METHOD,
            **parameters,
        )
        return urlsplit(url)._replace(scheme=urlsplit(endpoint).scheme).geturl()

    def code_request(self, endpoint: str, methods: list[str], code: str, code_verifier: Secret) -> httpx.Request:
        """RFC 6749 §4.1.3."""
        body = WebApplicationClient(self.settings.client_id).prepare_request_body(
            code=code,
            redirect_uri=self.settings.redirect_uri,
            code_verifier=code_verifier.reveal(),
            include_client_id=False,
        )
        return self._authenticated(endpoint, methods, body)

    def refresh_request(self, endpoint: str, methods: list[str], refresh_token: Secret) -> httpx.Request:
        """RFC 6749 §6. Without `scope`, which means the scope of before."""
        body = WebApplicationClient(self.settings.client_id).prepare_refresh_body(refresh_token=refresh_token.reveal())
        return self._authenticated(endpoint, methods, body)

    def revocation_request(self, endpoint: str, methods: list[str], token: Secret) -> httpx.Request:
        """RFC 7009 §2.1."""
        _, _, body = WebApplicationClient(self.settings.client_id).prepare_token_revocation_request(
            _on_https(endpoint), token.reveal(), token_type_hint=None
        )
        return self._authenticated(endpoint, methods, body)

    def parse_tokens(self, answer: Answer) -> dict[str, Any]:
        """The members of a successful token response (RFC 6749 §5.1).

        Raises:
            InvalidGrant: The provider did not accept what it had issued.
            ServerError: It answered anything else, the client's own credentials being wrong included.
        """
        body = answer.json()
        if not isinstance(body, dict) or (answer.status != 200 and "error" not in body):
            raise ServerError(f"the identity provider's token endpoint answered {answer.status} with something else")
        try:
            # No `scope=`: oauthlib would raise a bare Warning where the provider granted another.
            tokens = WebApplicationClient(self.settings.client_id).parse_request_body_response(answer.body.decode())
        except InvalidGrantError as error:
            raise InvalidGrant("the identity provider no longer accepts this grant") from error
        except (OAuth2Error, ValueError, TypeError, AttributeError) as error:
            # The last two are what oauthlib makes of members that are not of their type.
            raise ServerError("the identity provider refused the token request") from error
        if not isinstance(tokens.get("access_token"), str):
            raise ServerError("the identity provider's token response has no access_token")
        return dict(tokens)

    def _authenticated(self, endpoint: str, methods: list[str], body: str) -> httpx.Request:
        """With this client's credentials, in a way that the provider's metadata offers (RFC 6749 §2.3.1)."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        secret = self.settings.client_secret.reveal()
        client_id = self.settings.client_id
        if not secret:
            body += f"&client_id={quote(client_id, safe='')}"
        elif "client_secret_basic" in methods or "client_secret_post" not in methods:
            pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            body += f"&client_id={quote(client_id, safe='')}&client_secret={quote(secret, safe='')}"
        return httpx.Request("POST", endpoint, content=body, headers=headers)


def _on_https(endpoint: str) -> str:
    """oauthlib takes https URLs only; whether a provider may be on http was decided once, by development_mode."""
    return urlsplit(endpoint)._replace(scheme="https").geturl()


def _both_prompts(configured: str | None, requested: str | None) -> str:
    """What the configuration always asks for and what this gateway does; `none` stands alone (OIDC Core §3.1.2.1)."""
    if requested == "none":
        return requested
    return " ".join(dict.fromkeys([*(configured or "").split(), *(requested or "").split()]))
