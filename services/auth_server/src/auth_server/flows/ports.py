"""What the flows need of an identity provider."""

from typing import Any, Protocol

from authproxy_common.exchange import ExchangedToken, ExchangeTarget, SignIn
from authproxy_common.frozen import frozen
from authproxy_common.pkce import CodeChallenge
from authproxy_common.secret import Secret


@frozen
class AuthorizationRequest:
    """What goes to the provider's authorization endpoint besides what its configuration says (OIDC Core §3.1.2.1)."""

    state: str
    nonce: Secret
    code_challenge: CodeChallenge
    scope: str
    prompt: str | None
    login_hint: str | None
    has_refresh_token: bool = False


class IdentityProvider(Protocol):
    """A provider where people sign in. Every method ends within ten seconds.

    All raise TemporarilyUnavailable when the provider is down or slow, and ServerError when it answers what it must
    not; InvalidGrant when it does not accept what it issued before; AccessDenied for a person whom the configuration
    does not let in.
    """

    @property
    def scope(self) -> str:
        """The configured scopes, space-separated."""
        ...

    @property
    def redirect_uri(self) -> str:
        """The one that is registered with the provider."""
        ...

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        """Where to send the browser."""
        ...

    async def check_issuer(self, issuer: str | None) -> None:
        """Raises ServerError unless the authorization response comes from this provider (RFC 9207 §2.4)."""
        ...

    async def redeem(self, code: str, code_verifier: Secret, nonce: Secret) -> SignIn:
        """The tokens for `code`, with the verified claims of the person."""
        ...

    async def refresh(self, refresh_token: Secret) -> SignIn:
        """New tokens. A refresh token that the provider did not replace is handed back."""
        ...

    async def revoke(self, token: Secret) -> bool:
        """Whether the provider could revoke the token, and did (RFC 7009)."""
        ...

    async def user_info(self, access_token: Secret) -> dict[str, Any] | None:
        """The claims of whom `access_token` is for, `sub` among them; None where the provider does not accept it."""
        ...

    async def exchange(self, subject_token: Secret, target: ExchangeTarget) -> ExchangedToken:
        """An access token for `target` in place of `subject_token` (RFC 8693); raises InvalidTarget for one unknown."""
        ...
