"""Which class speaks with which kind of provider. Okta, and any other that is not named, is an OpenID provider."""

from collections.abc import Mapping

import httpx

from auth_server.flows.ports import IdentityProvider
from auth_server.providers.auth0 import Auth0Vendor
from auth_server.providers.entra import EntraVendor
from auth_server.providers.github import GitHubProvider
from auth_server.providers.google import GoogleVendor
from auth_server.providers.keycloak import KeycloakVendor
from auth_server.providers.oauth2 import OAuthProvider
from auth_server.providers.oidc import OpenIDProvider
from auth_server.providers.vendor import Vendor
from auth_server.settings import ProviderSettings
from auth_server.settings.providers import AUTH0, ENTRA, GITHUB, GOOGLE, KEYCLOAK, OAUTH2, OIDC
from authproxy_common.clock import Clock

_VENDORS: Mapping[str, type[Vendor]] = {
    OIDC: Vendor,
    ENTRA: EntraVendor,
    GOOGLE: GoogleVendor,
    AUTH0: Auth0Vendor,
    KEYCLOAK: KeycloakVendor,
}
_WITHOUT_OPENID: Mapping[str, type[OAuthProvider]] = {OAUTH2: OAuthProvider, GITHUB: GitHubProvider}


def provider_of(name: str, settings: ProviderSettings, http: httpx.AsyncClient, now: Clock) -> IdentityProvider:
    """The provider called `name`; nothing is fetched yet."""
    if without_openid := _WITHOUT_OPENID.get(settings.kind):
        return without_openid.configured(name, settings, http, now)
    return OpenIDProvider.configured(name, vendor_of(settings), http, now)


def has_discovery(settings: ProviderSettings) -> bool:
    """Whether the provider says of itself where its endpoints are; otherwise the configuration does."""
    return settings.kind in _VENDORS


def vendor_of(settings: ProviderSettings) -> Vendor:
    """What is particular about an OpenID provider."""
    return _VENDORS[settings.kind](settings)
