"""Signing users in through the auth server, from an app's side: the wire contract of docs/gateways.md.

    sign_in = GatewaySignIn(auth_server_url=…, gateway_uri="https://app.example.com/callback", http=open_http())

    url, pending = sign_in.begin()  # send the browser to `url`
    session["sign_in"] = pending.to_json()

    pending = PendingSignIn.from_json(session.pop("sign_in", None))  # at `gateway_uri`; taken out, so used once
    signed_in = await sign_in.complete(pending, query_string)
    session["person"] = signed_in.person.subject

Every error is an `OAuthError`: its `description` may be shown, its `status` may be the page's.
"""

from datetime import timedelta
from urllib.parse import urlencode

import httpx

from authproxy_common.errors import AccessDenied, InvalidGrant, InvalidRequest, ServerError
from authproxy_common.exchange import ExchangedToken, ExchangeTarget, MalformedExchange, Person, SignIn
from authproxy_common.frozen import frozen
from authproxy_common.gateway_backend import GatewayBackend, GatewayCredentials, error_of
from authproxy_common.params import Params
from authproxy_common.pkce import METHOD, CodeChallenge, challenge_for, mint_verifier
from authproxy_common.refusals import refusal
from authproxy_common.secret import Secret, mint

__all__ = ["GatewayCredentials", "GatewaySignIn", "PendingSignIn"]

_REVOCATION_DEADLINE = timedelta(seconds=3)

_SIGN_IN_AGAIN = "Go back to the application and sign in again; finish in the browser in which you began."


@frozen
class PendingSignIn:
    """A sign-in whose browser is at the auth server. It belongs into that browser's session, and is used once.

    Args:
        state: Comes back with the answer; shows that this browser began what is being finished.
        code_verifier: Goes into the exchange; shows that the code is the answer to this sign-in (RFC 7636).
    """

    state: Secret
    code_verifier: Secret

    def to_json(self) -> dict[str, str]:
        """For the session, which neither a URL nor a script may show."""
        return {"state": self.state.reveal(), "code_verifier": self.code_verifier.reveal()}

    @classmethod
    def from_json(cls, kept: object) -> "PendingSignIn":
        """Raises InvalidRequest where the session had none, which is how a callback that is opened twice ends."""
        values = [kept.get(name) for name in ("state", "code_verifier")] if isinstance(kept, dict) else []
        texts = [value for value in values if isinstance(value, str) and value]
        if len(texts) < 2:
            raise InvalidRequest("no sign-in is under way in this browser, or it was finished", remedy=_SIGN_IN_AGAIN)
        return cls(Secret(texts[0]), Secret(texts[1]))


@frozen(kw_only=True)
class GatewaySignIn:
    """An app whose users the auth server signs in.

    `begin` and `complete` are a whole sign-in for an app with sessions. `login_url` and `exchange` are their halves on
    the wire, for one that keeps what is pending elsewhere, by `state`.

    Args:
        auth_server_url: The auth server's origin as browsers see it.
        gateway_uri: The app's callback, which must be in the auth server's `allowed_redirect_uris`.
        http: Sends our requests; `authproxy_common.http.client.open_http` makes one.
        provider: The provider to ask for, and the only one whose answer is taken; None leaves the choice to the auth
            server, or to the person.
        internal_auth_server_url: The auth server's origin as this process sees it, where that is another.
        credentials: Where the auth server asks for some.
    """

    auth_server_url: str
    gateway_uri: str
    http: httpx.AsyncClient
    provider: str | None = None
    internal_auth_server_url: str | None = None
    credentials: GatewayCredentials | None = None

    @property
    def backend_url(self) -> str:
        """The auth server's origin for our own requests."""
        return self.internal_auth_server_url or self.auth_server_url

    @property
    def backend(self) -> GatewayBackend:
        """Our own requests."""
        return GatewayBackend(self.backend_url, self.http, self.credentials)

    def begin(
        self, *, scope: str | None = None, prompt: str | None = None, login_hint: str | None = None
    ) -> tuple[str, PendingSignIn]:
        """Where to send the browser, and what to keep in its session until it is back.

        Args:
            scope: Fewer scopes than the auth server would ask for, separated by spaces.
            prompt, login_hint: As the provider knows them (OIDC Core §3.1.2.1); most ask for the password on `login`.
        """
        pending = PendingSignIn(Secret(mint("st")), mint_verifier())
        url = self.login_url(pending.state.reveal(), challenge_for(pending.code_verifier))
        further = {"scope": scope, "prompt": prompt, "login_hint": login_hint}
        query = urlencode({name: value for name, value in further.items() if value})
        return (f"{url}&{query}" if query else url), pending

    async def complete(self, pending: PendingSignIn, query: str) -> SignIn:
        """Who signed in, and the provider's tokens.

        Args:
            pending: What was kept, and is kept no longer.
            query: The callback's query string, as it came.

        Raises:
            InvalidRequest: The answer is not to this sign-in: offer to sign in again.
            AccessDenied: The person, or the provider, said no.
            TemporarilyUnavailable: The auth server or the provider did not answer: offer to sign in again later.
            ServerError: The auth server did not take the code, or somebody answered nonsense; its log says more.
            InvalidScope: The provider does not know a scope.
        """
        answer = Params.from_query(query.encode(errors="surrogatepass"))
        if not pending.state.matches(answer.require("state")):
            raise InvalidRequest("this sign-in was not begun in this browser", remedy=_SIGN_IN_AGAIN)
        if error := answer.get("error"):
            raise refusal(error, "auth server")
        return await self.exchange(answer.require("code"), pending.code_verifier)

    def login_url(self, state: str, code_challenge: CodeChallenge) -> str:
        """Where to send the browser; it comes back to `gateway_uri` with `state`."""
        query = {
            "gateway_uri": self.gateway_uri,
            "state": state,
            "code_challenge": code_challenge.value,
            "code_challenge_method": METHOD,
        }
        query |= {"provider": self.provider} if self.provider else {}
        return f"{self.auth_server_url}/login?{urlencode(query)}"

    async def exchange(self, code: str, code_verifier: Secret) -> SignIn:
        """What the gateway code stands for, once.

        Raises:
            ServerError: The auth server refused it, or answered nonsense.
            TemporarilyUnavailable: It could not be asked.
        """
        form = {"code": code, "gateway_uri": self.gateway_uri, "code_verifier": code_verifier.reveal()}
        answer = await self.backend.post("exchange", form)
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
        """The same person's new tokens, which replace the old ones. Not to be asked twice at the same time.

        Raises:
            InvalidGrant: The provider no longer accepts the person, or gave no refresh token: sign in again.
            ServerError: The auth server answered nonsense.
            TemporarilyUnavailable: It, or the provider, could not be asked: keep the tokens, ask again.
        """
        if not sign_in.refresh_token:
            raise InvalidGrant("the provider gave no refresh token")
        form = {"refresh_token": sign_in.refresh_token.reveal(), "provider": sign_in.provider}
        answer = await self.backend.post("refresh", form)
        if answer.status == 400 and error_of(answer) == "invalid_grant":
            raise InvalidGrant("the auth server says that the provider refuses")
        if answer.status != 200:
            raise ServerError("the auth server did not renew the provider's tokens")
        try:
            return sign_in.renewed(answer.json())
        except MalformedExchange as error:
            raise ServerError("the auth server's answer to the refresh is not usable") from error

    async def exchange_token(self, sign_in: SignIn, target: ExchangeTarget) -> ExchangedToken:
        """A token of the same person's for another service, which the provider gives for `sign_in.access_token`.

        Raises:
            InvalidGrant: The provider does not accept that token: renew it, or sign in again.
            AccessDenied: It does not let this person, or not without doing something at the provider first.
            ServerError: The service is not known there, or not allowed for this app; the auth server's log says which.
            TemporarilyUnavailable: The auth server, or the provider, could not be asked.
        """
        form = {"subject_token": sign_in.access_token.reveal(), "provider": sign_in.provider, **target.form()}
        answer = await self.backend.post("token-exchange", form)
        if answer.status == 400 and error_of(answer) == "invalid_grant":
            raise InvalidGrant("the auth server says that the provider does not exchange this token")
        if answer.status == 403:
            raise AccessDenied("the identity provider gives this person no token for this service")
        if answer.status != 200:
            raise ServerError("the auth server exchanges no token for this service")
        try:
            return ExchangedToken.from_json(answer.json())
        except MalformedExchange as error:
            raise ServerError("the auth server's answer to the token exchange is not usable") from error

    async def revoke(self, sign_in: SignIn) -> None:
        """Have the provider revoke what it issued, where it can: both tokens, for some revoke no other than they get.

        Raises TemporarilyUnavailable or ServerError when nobody could be asked; it should keep nobody from signing out.
        """
        for token in filter(None, (sign_in.refresh_token, sign_in.access_token)):
            form = {"token": token.reveal(), "provider": sign_in.provider}
            await self.backend.post("revoke", form, deadline=_REVOCATION_DEADLINE)

    async def validate(self, access_token: str) -> Person | None:
        """Whose access token of the provider this is; None where the provider does not accept it.

        Whom it was issued *to* is not said: a stranger's access token is no sign-in. `provider` must be given where the
        auth server has several.

        Raises:
            ServerError: The auth server answered nonsense.
            TemporarilyUnavailable: It, or the provider, could not be asked, which says nothing about the token.
        """
        form = {"provider": self.provider} if self.provider else {}
        answer = await self.backend.post("validate", form, access_token=access_token)
        if answer.status == 401:
            return None
        try:
            return Person.from_json(answer.json() if answer.status == 200 else None)
        except MalformedExchange as error:
            raise ServerError("the auth server's answer to the validation is not usable") from error
