"""The gateways that may send people here, and how those authenticate that have to."""

from datetime import timedelta

from auth_server.composition.resources import Resources
from auth_server.domain.gateway_uris import GatewayURIs
from auth_server.domain.gateways import Gateway, Gateways
from auth_server.flows.gateway_authentication import GatewayAuthentication
from auth_server.settings import AuthServerSettings
from auth_server.settings.gateways import GatewaySettings
from authproxy_common.clients.assertions import ClientAssertions
from authproxy_common.clients.authentication import CredentialCheck, UsedAssertion
from authproxy_common.clients.credentials import BASIC, POST, PRIVATE_KEY_JWT, Credentials
from authproxy_common.clients.documents import CachedDocument
from authproxy_common.clients.published_keys import key_sets
from authproxy_common.events import Events
from authproxy_common.records import Collection


def allowed_uris(settings: AuthServerSettings) -> GatewayURIs:
    """Where gateway codes may go: the list, and the gateways' own."""
    proxy = settings.proxy_oauth
    own = [entry for gateway in settings.gateways.values() for entry in gateway.allowed_redirect_uris]
    return GatewayURIs.from_entries([*proxy.allowed_redirect_uris, *own], strict=proxy.strict_uri_validation)


def build_gateways(settings: AuthServerSettings) -> Gateways:
    """By the settings' `gateways`. Where the list of other URIs is empty there are no other gateways."""
    strict = settings.proxy_oauth.strict_uri_validation
    known = {name: _gateway(name, each, strict=strict) for name, each in settings.gateways.items()}
    return Gateways(known, are_all=bool(known) and not settings.proxy_oauth.allowed_redirect_uris)


def build_authentication(
    settings: AuthServerSettings, gateways: Gateways, opened: Resources, events: Events
) -> GatewayAuthentication:
    """Of those gateways."""
    us = settings.public_url
    # As the MCP gateway takes them: the issuer's name, with a slash or without, or the endpoint's.
    audiences = frozenset({us, f"{us}/", f"{us}/gateway-oauth/exchange"})
    used = Collection(opened.store, "auth-server:used-assertion", UsedAssertion, timedelta(hours=1))
    kept = Collection(opened.store, "auth-server:key-set", CachedDocument, timedelta(minutes=5), opened.keys)
    return GatewayAuthentication(
        gateways,
        CredentialCheck(ClientAssertions(audiences, opened.now), used, opened.now, events),
        key_sets(opened.fetcher, kept, opened.now),
    )


def _gateway(name: str, settings: GatewaySettings, *, strict: bool) -> Gateway:
    methods = (BASIC, POST) if settings.client_secret else (PRIVATE_KEY_JWT,)
    credentials = Credentials.configured(methods, settings.client_secret, settings.jwks, settings.jwks_uri)
    uris = GatewayURIs.from_entries(settings.allowed_redirect_uris, strict=strict)
    exchanges = {provider: frozenset(services) for provider, services in settings.token_exchange.items()}
    return Gateway(name, uris, credentials, exchanges)
