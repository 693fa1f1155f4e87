"""What clients get and what they are admitted with, by the settings' `token_mode`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from authproxy_common.clock import Clock
from mcp_gateway.broker.auth_server import AuthServer
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import AccessTokenIssuer
from mcp_gateway.proxy.admission import Admission, TokenAdmission
from mcp_gateway.proxy.passthrough import PassthroughAdmission
from mcp_gateway.tokens.access_tokens import AccessTokens
from mcp_gateway.tokens.provider_tokens import ProviderAccessTokens


@dataclass(frozen=True, slots=True)
class TokenMode:
    """One way.

    Args:
        issuer: Makes access tokens.
        admission: Reads them.
        renewed_early: See `ProviderCheck.early`.
    """

    issuer: AccessTokenIssuer
    admission: Admission
    renewed_early: timedelta


def _gateway(access_tokens: AccessTokens, grants: Grants, _auth_server: AuthServer, now: Clock) -> TokenMode:
    return TokenMode(access_tokens, TokenAdmission(access_tokens, grants, now), timedelta(0))


def _passthrough(_access_tokens: AccessTokens, _grants: Grants, auth_server: AuthServer, now: Clock) -> TokenMode:
    return TokenMode(ProviderAccessTokens(now), PassthroughAdmission(auth_server, now), timedelta(minutes=1))


TOKEN_MODES: Mapping[str, Callable[[AccessTokens, Grants, AuthServer, Clock], TokenMode]] = {
    "gateway": _gateway,
    "passthrough": _passthrough,
}
