"""Signing a browser in: begin at `/login`, complete at `/callback` (OIDC Core §3.1, RFC 9700)."""

from collections.abc import Mapping

from auth_server.domain.callbacks import named_in
from auth_server.domain.gateway_uris import GatewayURIs
from auth_server.domain.sign_ins import (
    POSTED,
    SIGN_IN_AGAIN,
    GatewayCode,
    LoginRequest,
    PostedAnswer,
    SignInAttempt,
    narrowed_scope,
)
from auth_server.flows.failures import noted
from auth_server.flows.ports import AuthorizationRequest, IdentityProvider
from auth_server.flows.provider_choice import chosen
from authproxy_common.errors import AccessDenied, InvalidGrant, InvalidRequest, OAuthError, ServerError
from authproxy_common.events import Events
from authproxy_common.exchange import SignIn
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.pkce import challenge_for, mint_verifier
from authproxy_common.records import Collection
from authproxy_common.refusals import refusal
from authproxy_common.return_address import ReturnAddress, SentBack
from authproxy_common.secret import Secret, mint, trace


@frozen
class SignInFlow:
    """From a gateway's `/login` to its gateway code.

    Args:
        providers: By their names.
        gateway_uris: Where codes may go.
        attempts: Browsers on their way.
        posted: Answers of providers that came as a form.
        codes: Gateway codes that wait for their exchange.
        require_pkce: Whether a gateway must announce a code_challenge.
        events: Hears of every step.
    """

    providers: Mapping[str, IdentityProvider]
    gateway_uris: GatewayURIs
    attempts: Collection[SignInAttempt]
    posted: Collection[PostedAnswer]
    codes: Collection[GatewayCode]
    require_pkce: bool
    events: Events

    def choices(self, request: LoginRequest, remembered: str | None) -> list[str]:
        """The provider to sign in at, or several where the person has to choose.

        `remembered` is what the browser says was chosen before. It is a preference: believed where it is one of those
        to choose from, unless the gateway wants the person to choose (`prompt=select_account`).

        Raises:
            InvalidRequest: For the person, who must not be sent anywhere.
            SentBack: For the gateway, which does not want the person to be asked anything.
        """
        address = self.gateway_uris.admit(request.gateway_uri, request.state)
        if request.provider is not None:
            return [request.provider]
        named = request.redirect_uri
        names = [n for n, provider in sorted(self.providers.items()) if named in {None, provider.redirect_uri}]
        if not names:
            raise InvalidRequest("redirect_uri is not the one that is registered with the provider")
        if remembered in names and "select_account" not in request.prompts:
            return [str(remembered)]
        if len(names) > 1 and "none" in request.prompts:
            raise SentBack(address, AccessDenied("a provider has to be chosen, and prompt=none allows no page"))
        return names

    async def begin(self, request: LoginRequest, browser: str) -> str:
        """The provider's authorization URL for this browser, whose cookie has the digest `browser`.

        Raises:
            InvalidRequest: For the person, who must not be sent anywhere.
            SentBack: For the gateway.
        """
        address = self.gateway_uris.admit(request.gateway_uri, request.state)
        name, provider = chosen(self.providers, request.provider)
        if request.redirect_uri not in {None, provider.redirect_uri}:
            raise InvalidRequest("redirect_uri is not the one that is registered with the provider")
        if self.require_pkce and request.code_challenge is None:
            raise SentBack(address, InvalidRequest("this auth server requires a code_challenge"))
        verifier, nonce, state = mint_verifier(), Secret(mint()), mint("st")
        asked = AuthorizationRequest(
            state=state,
            nonce=nonce,
            code_challenge=challenge_for(verifier),
            scope=narrowed_scope(provider.scope, request.scope),
            prompt=request.prompt,
            login_hint=request.login_hint,
            has_refresh_token=request.has_refresh_token,
        )
        try:
            with noted(self.events, "sign_in_failed", name):
                url = await provider.authorization_url(asked)
        except OAuthError as error:
            raise SentBack(address, error) from error
        challenge = request.code_challenge.value if request.code_challenge else None
        attempt = SignInAttempt(address.uri, address.state, name, verifier, nonce, challenge, browser, asked.scope)
        await self.attempts.put(state, attempt)
        self.events.note("sign_in_begun", provider=name, sign_in=trace(state), gateway=trace(address.state or ""))
        return url

    async def keep(self, answer: Params) -> str:
        """A handle, for one use and soon, of a provider's answer that came as a form.

        No cookie of ours comes with a form from another site, so nobody knows yet which browser it is: that one has to
        bring the handle. Raises InvalidRequest when it answers nothing that was asked.
        """
        posted = PostedAnswer.from_params(answer)
        if await self.attempts.get(posted.state.reveal()) is None:
            raise _unknown()
        handle = mint("pa")
        await self.posted.put(handle, posted)
        return handle

    async def complete(self, answer: Params, browser: str | None, arrived_for: str | None) -> str:
        """The gateway's URL with a gateway code, for the provider's `answer`, or its handle, brought by `browser`.

        `arrived_for` is the provider that the callback's path names, None where it names none.

        Raises:
            InvalidRequest: The answer belongs to no sign-in of this browser.
            SentBack: For the gateway: the provider refused, or could not be asked.
        """
        if handle := answer.get(POSTED):
            posted = await self.posted.take(handle)
            answer = posted.params() if posted else Params({})
        state = answer.get("state") or ""
        attempt = await self.attempts.take(state)
        if attempt is None:
            raise _unknown()
        attempt.check_browser(browser)
        address = ReturnAddress(attempt.gateway_uri, attempt.gateway_state)
        try:
            with noted(self.events, "sign_in_failed", attempt.provider, sign_in=trace(state)):
                code = await self._gateway_code(attempt, answer, arrived_for)
        except OAuthError as error:
            raise SentBack(address, error) from error
        self.events.note(
            "sign_in_completed", provider=attempt.provider, sign_in=trace(state), gateway=trace(address.state or "")
        )
        return address.with_code(code)

    async def _gateway_code(self, attempt: SignInAttempt, answer: Params, arrived_for: str | None) -> str:
        provider = self.providers.get(attempt.provider)
        if provider is None:
            raise ServerError("the provider of this sign-in is no longer configured")
        if arrived_for != named_in(provider.redirect_uri):
            # One provider sent the browser on to another, whose code it would now be given (RFC 9700 §4.4).
            raise ServerError("the answer does not come from the provider that was asked")
        await provider.check_issuer(answer.get("iss"))
        if refused := answer.get("error"):
            raise refusal(refused, "identity provider")
        try:
            sign_in = await provider.redeem(answer.require("code"), attempt.code_verifier, attempt.nonce)
        except InvalidGrant as error:
            # An error of the token endpoint; in an authorization response it would mean nothing.
            raise ServerError("the identity provider does not accept its own code") from error
        self._note_what_differs(attempt, sign_in)
        code = mint("gc")
        await self.codes.put(code, GatewayCode(attempt.gateway_uri, attempt.code_challenge, sign_in))
        return code

    def _note_what_differs(self, attempt: SignInAttempt, sign_in: SignIn) -> None:
        """What the provider may do, and an operator wonders about: other scopes, more groups than it names."""
        if missing := attempt.not_granted(sign_in.scope):
            self.events.note("provider_changed_scope", provider=attempt.provider, check="scope", missing=missing)
        if sign_in.user.get("groups_overage") is True:
            self.events.alarm("groups_overage", provider=attempt.provider, check="groups")


def _unknown() -> InvalidRequest:
    return InvalidRequest("this sign-in is unknown, was already finished, or took too long", remedy=SIGN_IN_AGAIN)
