"""What the flows need of the world."""

from datetime import datetime, timedelta
from typing import Protocol

from authproxy_common.clients.signed_jwts import PublicKeys
from authproxy_common.exchange import ExchangedToken, ExchangeTarget, SignIn
from authproxy_common.params import Params
from authproxy_common.pkce import CodeChallenge
from authproxy_common.secret import Secret
from mcp_gateway.domain.clients import Client, Registration
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.identity_assertions import TrustedIssuer
from mcp_gateway.domain.tokens import ActiveToken, TokenResponse


class ClientSource(Protocol):
    """One way in which clients come to be known."""

    async def find(self, client_id: str) -> Client | None:
        """The client, or None when `client_id` is not of this source or not known to it.

        Raises:
            ClientRefused: It is of this source, and not taken.
            TemporarilyUnavailable: What there is to know about it could not be fetched.
        """
        ...


class ClientKeys(Protocol):
    """Where the public keys of clients are."""

    def of(self, client: Client) -> PublicKeys:
        """Its keys; nothing is fetched yet."""
        ...


class IssuerKeys(Protocol):
    """Where the public keys of trusted issuers are."""

    def of(self, issuer: TrustedIssuer) -> PublicKeys:
        """Its keys, of which TemporarilyUnavailable is all that is ever raised; nothing is fetched yet."""
        ...


class Registrar(Protocol):
    """Where clients that register themselves are remembered, if only in their client_id."""

    def register(self, registration: Registration) -> tuple[str, datetime]:
        """The new client_id, and when it was issued."""
        ...


class Broker(Protocol):
    """The auth server, as this service sees it."""

    def login_url(self, state: str, code_challenge: CodeChallenge) -> str:
        """Where to send the browser; it comes back to our callback with `state`."""
        ...

    async def exchange(self, code: str, code_verifier: Secret) -> SignIn:
        """What the gateway code stands for.

        Raises:
            ServerError: The auth server refused it, or answered nonsense.
            TemporarilyUnavailable: It could not be asked.
        """
        ...


class ProviderTokens(Protocol):
    """Where the provider's tokens are renewed and given back."""

    async def refresh(self, sign_in: SignIn) -> SignIn:
        """New tokens.

        Raises:
            InvalidGrant: The provider no longer accepts the person, or what it had issued.
            ServerError: The auth server answered nonsense.
            TemporarilyUnavailable: It, or the provider, could not be asked.
        """
        ...

    async def revoke(self, sign_in: SignIn) -> None:
        """Ask the provider to revoke what it issued; whether it could changes nothing here."""
        ...


class ProviderTokenValidation(Protocol):
    """Whether the provider still accepts an access token of its own."""

    async def validate(self, access_token: str) -> str | None:
        """`provider:sub` of its person, or None where it does not.

        Raises TemporarilyUnavailable or ServerError when nobody could say.
        """
        ...


class TokenExchange(Protocol):
    """Where the provider gives a token for a service in place of its own (RFC 8693)."""

    async def exchange_token(self, sign_in: SignIn, target: ExchangeTarget) -> ExchangedToken:
        """The token.

        Raises:
            InvalidGrant: The provider does not accept `sign_in.access_token`.
            AccessDenied: It gives this person none.
            ServerError: It gives nobody any, or the auth server answered nonsense.
            TemporarilyUnavailable: It, or the auth server, could not be asked.
        """
        ...


class GrantType(Protocol):
    """One `grant_type` of the token endpoint."""

    async def redeem(self, client: Client, params: Params) -> TokenResponse:
        """Tokens for what the client presents; raises an OAuthError of RFC 6749 §5.2."""
        ...


class AccessTokenIssuer(Protocol):
    """Makes access tokens."""

    async def issue(self, grant: Grant) -> tuple[Secret, timedelta]:
        """An access token for the grant, and how long it lives; raises InvalidGrant where none can be had."""
        ...


class AccessTokenVerifier(Protocol):
    """Reads access tokens."""

    async def verify(self, access_token: str) -> ActiveToken:
        """What the token says; raises InvalidAccessToken, or TemporarilyUnavailable where nobody could say."""
        ...
