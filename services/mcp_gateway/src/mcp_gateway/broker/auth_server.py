"""The auth server over HTTP, by its wire contract: `Broker`, `ProviderTokens`, `ProviderTokenValidation`."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import structlog

from authproxy_common.errors import InvalidGrant, ServerError, TemporarilyUnavailable
from authproxy_common.exchange import MalformedExchange, SignIn
from authproxy_common.http.client import ask
from authproxy_common.pkce import METHOD, CodeChallenge
from authproxy_common.secret import Secret

log = structlog.get_logger("broker")

# The auth server itself bounds what it asks of the provider, by ten seconds.
_DEADLINE = timedelta(seconds=12)
_REVOCATION_DEADLINE = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class AuthServer:
    """The auth server that signs our users in.

    Args:
        external_url: Its origin as the browser sees it.
        internal_url: Its origin as this process sees it.
        gateway_uri: Our callback, which it must have in its list.
        provider: The provider to ask for; None leaves the choice to it, or to the person.
        http: Sends our requests.
    """

    external_url: str
    internal_url: str
    gateway_uri: str
    provider: str | None
    http: httpx.AsyncClient

    def login_url(self, state: str, code_challenge: CodeChallenge) -> str:
        query = {
            "gateway_uri": self.gateway_uri,
            "state": state,
            "code_challenge": code_challenge.value,
            "code_challenge_method": METHOD,
        }
        query |= {"provider": self.provider} if self.provider else {}
        return f"{self.external_url}/login?{urlencode(query)}"

    async def exchange(self, code: str, code_verifier: Secret) -> SignIn:
        form = {"code": code, "gateway_uri": self.gateway_uri, "code_verifier": code_verifier.reveal()}
        request = httpx.Request("POST", f"{self.internal_url}/gateway-oauth/exchange", data=form)
        answer = await ask(self.http, request, dependency="auth server", deadline=_DEADLINE)
        if answer.status != 200:
            raise ServerError("the auth server did not accept the gateway code")
        try:
            sign_in = SignIn.from_json(answer.json())
        except MalformedExchange as error:
            raise ServerError("the auth server's answer to the exchange is not usable") from error
        if self.provider and sign_in.provider != self.provider:
            raise ServerError("the sign-in was made at another provider than the one asked for")
        return sign_in

    async def refresh(self, sign_in: SignIn) -> SignIn:
        refresh_token = sign_in.refresh_token.reveal() if sign_in.refresh_token else ""
        form = {"refresh_token": refresh_token, "provider": sign_in.provider}
        request = httpx.Request("POST", f"{self.internal_url}/gateway-oauth/refresh", data=form)
        answer = await ask(self.http, request, dependency="auth server", deadline=_DEADLINE)
        body = answer.json()
        if answer.status == 400 and isinstance(body, dict) and body.get("error") == "invalid_grant":
            raise InvalidGrant("the auth server says that the provider refuses")
        if answer.status != 200:
            raise ServerError("the auth server did not renew the provider's tokens")
        try:
            return sign_in.renewed(body)
        except MalformedExchange as error:
            raise ServerError("the auth server's answer to the refresh is not usable") from error

    async def revoke(self, sign_in: SignIn) -> None:
        token = sign_in.refresh_token or sign_in.access_token
        form = {"token": token.reveal(), "provider": sign_in.provider}
        request = httpx.Request("POST", f"{self.internal_url}/gateway-oauth/revoke", data=form)
        try:
            await ask(self.http, request, dependency="auth server", deadline=_REVOCATION_DEADLINE)
        except TemporarilyUnavailable as error:
            log.warning("provider_revocation_failed", description=error.description)

    async def validate(self, access_token: str) -> str | None:
        query = f"?{urlencode({'provider': self.provider})}" if self.provider else ""
        headers = {"Authorization": f"Bearer {access_token}"}
        request = httpx.Request("POST", f"{self.internal_url}/gateway-oauth/validate{query}", headers=headers)
        answer = await ask(self.http, request, dependency="auth server", deadline=_DEADLINE)
        if answer.status == 401:
            return None
        body = answer.json() if answer.status == 200 else None
        try:
            return _subject(body)
        except (KeyError, TypeError) as error:
            raise ServerError("the auth server's answer to the validation is not usable") from error


def _subject(body: Any) -> str:
    provider, subject = body["provider"], body["user"]["sub"]
    if not (isinstance(provider, str) and isinstance(subject, str) and provider and subject):
        raise TypeError
    return f"{provider}:{subject}"
