"""A sign-in from the gateway's request to the gateway code, as records that any replica can read."""

import hmac

from authproxy_common.errors import InvalidGrant, InvalidRequest
from authproxy_common.exchange import SignIn
from authproxy_common.frozen import frozen
from authproxy_common.params import MAX_STATE, Params
from authproxy_common.pkce import CodeChallenge
from authproxy_common.secret import Secret

# The query parameter that names an answer which came as a form.
POSTED = "answer"

_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
# Whatever a gateway narrows to, without these there is no ID token and no refresh token.
_ALWAYS_ASKED = frozenset({"openid", "offline_access"})


@frozen
class LoginRequest:
    """What a gateway asks for at `GET /login`, by the contract's names."""

    gateway_uri: str
    state: str | None
    provider: str | None
    redirect_uri: str | None
    code_challenge: CodeChallenge | None
    scope: str | None
    prompt: str | None
    login_hint: str | None
    has_refresh_token: bool

    @property
    def prompts(self) -> frozenset[str]:
        """What `prompt` asks for."""
        return frozenset((self.prompt or "").split())

    @classmethod
    def from_params(cls, params: Params) -> "LoginRequest":
        """Raises InvalidRequest for parameters that are missing or not of their form."""
        prompt = params.get("prompt")
        prompts = set((prompt or "").split())
        if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
            raise InvalidRequest("prompt has a value that OpenID Connect does not define")
        challenge, method = params.get("code_challenge"), params.get("code_challenge_method")
        return cls(
            gateway_uri=params.require("gateway_uri"),
            state=params.within("state", MAX_STATE),
            provider=params.get("provider"),
            redirect_uri=params.get("redirect_uri"),
            code_challenge=CodeChallenge.from_request(challenge, method) if challenge or method else None,
            scope=params.get("scope"),
            prompt=prompt,
            login_hint=params.within("login_hint", 256),
            has_refresh_token=_has(params, "has_refresh_token"),
        )


def _has(params: Params, name: str) -> bool:
    value = params.get(name) or "false"
    if value not in {"true", "false"}:
        raise InvalidRequest(f"{name} must be true or false")
    return value == "true"


def narrowed_scope(configured: str, requested: str | None) -> str:
    """The configured scopes that are also requested; a request never widens them."""
    if requested is None:
        return configured
    wanted = _ALWAYS_ASKED | set(requested.split())
    return " ".join(scope for scope in configured.split() if scope in wanted)


@frozen
class SignInAttempt:
    """A browser on its way to the provider. Its key is the `state` that the provider will return.

    Args:
        gateway_uri: Validated; where the browser goes in the end.
        gateway_state: The gateway's own `state`.
        provider: The name of the provider in the configuration.
        code_verifier: Of our own PKCE towards the provider.
        nonce: That the ID token must carry (OIDC Core §3.1.2.1).
        code_challenge: Of the gateway, if it announced one.
        browser: Digest of the cookie of the browser that began.
        scope: That was asked for, without what asks for a refresh token.
    """

    gateway_uri: str
    gateway_state: str | None
    provider: str
    code_verifier: Secret
    nonce: Secret
    code_challenge: str | None
    browser: str
    scope: str = ""

    def not_granted(self, granted: str | None) -> list[str]:
        """What was asked for and is not in the scope that the provider granted; None means all (RFC 6749 §5.1)."""
        return [] if granted is None else sorted({*self.scope.split()} - {*granted.split()})

    def check_browser(self, browser: str | None) -> None:
        """Raises InvalidRequest unless it is the browser that began (RFC 9700 §4.7)."""
        if browser is None or not hmac.compare_digest(browser, self.browser):
            raise InvalidRequest("this sign-in was begun in another browser", remedy=SIGN_IN_AGAIN)


@frozen
class PostedAnswer:
    """A provider's answer that came as a form (OAuth 2.0 Form Post Response Mode). Its key is the handle of it.

    Args:
        state, code, iss, error: As the provider sent them.
    """

    state: Secret
    code: Secret | None
    iss: str | None
    error: str | None

    @classmethod
    def from_params(cls, params: Params) -> "PostedAnswer":
        """What we use of it; raises InvalidRequest."""
        code = params.get("code")
        return cls(
            Secret(params.require("state")), Secret(code) if code else None, params.get("iss"), params.get("error")
        )

    def params(self) -> Params:
        """The same, as if it had come in a query."""
        code = self.code.reveal() if self.code else ""
        return Params.from_pairs(
            [("state", self.state.reveal()), ("code", code), ("iss", self.iss or ""), ("error", self.error or "")]
        )


@frozen
class GatewayCode:
    """What a gateway code stands for. Its key is the code.

    Args:
        gateway_uri: The only URI it may be exchanged for.
        code_challenge: That the exchange must meet, if the gateway announced one.
        sign_in: What the exchange hands over.
    """

    gateway_uri: str
    code_challenge: str | None
    sign_in: SignIn

    def check(self, gateway_uri: str | None, code_verifier: str | None, provider: str | None = None) -> None:
        """Raises InvalidGrant unless the exchange comes from where the code was sent to."""
        if gateway_uri is None or not hmac.compare_digest(gateway_uri.encode(), self.gateway_uri.encode()):
            raise InvalidGrant("the code was issued for another gateway_uri")
        if provider not in {None, self.sign_in.provider}:
            raise InvalidGrant("the code was issued for a sign-in at another provider")
        if self.code_challenge is not None:
            CodeChallenge(self.code_challenge).check(code_verifier)
        elif code_verifier is not None:
            # Whoever sends a verifier announced a challenge: this code is of another sign-in (RFC 9700 §4.8.2).
            raise InvalidGrant("no code_challenge was announced for this code")


SIGN_IN_AGAIN = "Go back to the application you came from and sign in again, in this browser."
