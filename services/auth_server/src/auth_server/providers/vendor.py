"""What OpenID providers may differ in. `Vendor` does what the specifications say; a vendor's own file overrides."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from auth_server.flows.ports import AuthorizationRequest
from auth_server.providers.token_exchange import GRANT_TYPE, exchange_parameters
from auth_server.settings import ProviderSettings
from authproxy_common.exchange import ExchangeTarget
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret

_OFFLINE = "offline_access"


@frozen
class Vendor:
    """Any OpenID provider.

    Attributes:
        assertion_names_issuer: Whether a client assertion is for the issuer, instead of the endpoint it is sent to.
        rsa_algorithm: Signs client assertions with an RSA key.
        groups_claim: Where a person's groups are, unless the configuration says where; empty: in `groups`, if at all.
        groups_in_access_token: Whether that claim may be in the access token alone, which is then a JWT.
        exchange_grant: The grant type by which tokens are exchanged.
    """

    settings: ProviderSettings

    assertion_names_issuer: ClassVar[bool] = False
    rsa_algorithm: ClassVar[str] = "RS256"
    groups_claim: ClassVar[str] = ""
    groups_in_access_token: ClassVar[bool] = False
    exchange_grant: ClassVar[str] = GRANT_TYPE

    def is_own_metadata(self, issuer: Any) -> bool:
        """Whether a discovery document with this `issuer` is the configured one's (Discovery §4.3)."""
        return bool(issuer == self.settings.issuer)

    def is_own_answer(self, issuer: str) -> bool:
        """Whether an authorization response with this `iss` is (RFC 9207 §2.4)."""
        return issuer == self.settings.issuer

    def is_own_token(self, claims: Mapping[str, Any], _key_issuer: str | None) -> bool:
        """Whether `iss` is the issuer (OIDC Core §3.1.3.7, 2); the last is what the key set says of the key."""
        return bool(claims["iss"] == self.settings.issuer)

    def scope(self, asked: str, supported: Sequence[str] | None) -> str:
        """`asked`, with what makes this provider issue a refresh token, where it knows it (OIDC Core §11)."""
        scopes = asked.split()
        if self.settings.refresh_tokens and (supported is None or _OFFLINE in supported) and _OFFLINE not in scopes:
            scopes.append(_OFFLINE)
        return " ".join(scopes)

    def prompt(self, asked: str | None) -> str | None:
        """What a gateway asks for, in the values that the provider knows."""
        return asked

    def parameters(self, _request: AuthorizationRequest) -> dict[str, str]:
        """Further parameters of an authorization request; those of the configuration replace them."""
        return {}

    def check_person(self, claims: Mapping[str, Any]) -> None:
        """Raises AccessDenied for somebody whom the configuration does not let in."""

    def admits_user_info(self, _claims: Mapping[str, Any], _access_token: Secret) -> bool:
        """The same for what the userinfo endpoint says of whose access token it accepted."""
        return True

    def described(self, claims: dict[str, Any]) -> dict[str, Any]:
        """The claims as gateways get them."""
        return claims

    def exchange_endpoint(self, token_endpoint: str, _subject_token: Secret) -> str:
        """Where this token is exchanged."""
        return token_endpoint

    def exchange_parameters(self, subject_token: Secret, target: ExchangeTarget) -> dict[str, str]:
        """What the provider is asked there; raises InvalidTarget for what it cannot be asked for."""
        return exchange_parameters(subject_token, target)
