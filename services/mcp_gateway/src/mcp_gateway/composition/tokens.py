"""What clients get as access tokens, by the settings' `token_mode`."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

from authproxy_common.frozen import frozen
from mcp_gateway.broker.auth_server import AuthServer
from mcp_gateway.collections import Collections
from mcp_gateway.composition.resources import Resources
from mcp_gateway.flows.passthrough import HandedOnTokens
from mcp_gateway.flows.ports import AccessTokenIssuer, AccessTokenVerifier
from mcp_gateway.settings import AdapterSettings, seconds
from mcp_gateway.tokens.access_tokens import AccessTokens


class AccessTokenMaker(AccessTokenIssuer, AccessTokenVerifier, Protocol):
    """Makes access tokens, and reads them."""


@frozen
class TokenMode:
    """One way.

    Args:
        access_tokens: Of this kind.
        renewed_early: See `ProviderCheck.early`.
    """

    access_tokens: AccessTokenMaker
    renewed_early: timedelta


def _gateway(config: AdapterSettings, opened: Resources, _kept: Collections, _auth_server: AuthServer) -> TokenMode:
    ttl = seconds(config.access_token_ttl_seconds)
    return TokenMode(AccessTokens(config.public_url, opened.signing_keys, ttl, opened.now), timedelta(0))


def _passthrough(_config: AdapterSettings, opened: Resources, kept: Collections, auth_server: AuthServer) -> TokenMode:
    return TokenMode(HandedOnTokens(kept.handed_on, auth_server, opened.now), timedelta(minutes=1))


TOKEN_MODES: Mapping[str, Callable[[AdapterSettings, Resources, Collections, AuthServer], TokenMode]] = {
    "gateway": _gateway,
    "passthrough": _passthrough,
}
