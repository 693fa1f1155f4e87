"""How clients come to be known, and how they authenticate."""

from collections.abc import Mapping
from datetime import timedelta

from authproxy_common.clients.assertions import ClientAssertions
from authproxy_common.clients.authentication import CredentialCheck
from authproxy_common.clients.credentials import NONE, PRIVATE_KEY_JWT, Credentials
from authproxy_common.clients.documents import Documents
from authproxy_common.clients.published_keys import key_sets
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.recent_answers import RecentAnswers
from authproxy_common.uri import parse_http_uri
from mcp_gateway.client_sources.client_keys import ClientKeys
from mcp_gateway.client_sources.configured import ConfiguredClients
from mcp_gateway.client_sources.in_order import ClientSourcesInOrder
from mcp_gateway.client_sources.metadata_document import MetadataDocumentClients
from mcp_gateway.client_sources.registered import RegisteredClients
from mcp_gateway.collections import Collections
from mcp_gateway.composition.resources import Resources
from mcp_gateway.domain.allowances import Allowance
from mcp_gateway.domain.client_policy import ClientPolicy
from mcp_gateway.domain.clients import Client, Standing
from mcp_gateway.flows.client_authentication import ClientAuthentication
from mcp_gateway.flows.ports import ClientSource
from mcp_gateway.flows.registration import RegistrationFlow
from mcp_gateway.settings import AdapterSettings, ClientSettings, seconds

# CIMD §6.6.
_LONGEST_DOCUMENT = 5 * 1024
_ASKED_AGAIN_AFTER = timedelta(seconds=10)


@frozen
class Clients:
    """Everything about clients.

    Args:
        known: All of them, in order: configured, by metadata document, registered.
        authentication: Of them.
        registration: None where it is switched off.
        methods: By which some may authenticate.
    """

    known: ClientSource
    authentication: ClientAuthentication
    registration: RegistrationFlow | None
    methods: list[str]


def build_clients(config: AdapterSettings, opened: Resources, kept: Collections, events: Events) -> Clients:
    """By the settings' `clients`, `client_metadata_…` and `dynamic_registration`."""
    policy = ClientPolicy(
        frozenset(config.client_redirect_hosts),
        frozenset(config.client_metadata_hosts),
        config.client_metadata_hosts_only,
    )
    configured = {client_id: configured_client(client_id, each) for client_id, each in config.clients.items()}
    registered = RegisteredClients(opened.sealing_keys, seconds(config.registration_ttl_seconds), policy, opened.now)
    documents = Documents(
        opened.fetchers.public,
        kept.client_documents,
        _LONGEST_DOCUMENT,
        RecentAnswers(_ASKED_AGAIN_AFTER, opened.now, size=1000),
        opened.now,
    )
    own_origin = parse_http_uri(config.public_url).origin
    sources: list[ClientSource] = [ConfiguredClients(configured)]
    if config.client_metadata_documents:
        sources.append(MetadataDocumentClients(documents, policy, own_origin, config.allow_loopback_client_metadata))
    if config.dynamic_registration:
        sources.append(registered)
    known = ClientSourcesInOrder(sources)
    return Clients(
        known=known,
        authentication=_authentication(config, opened, known, kept, events),
        registration=RegistrationFlow(registered, policy, events) if config.dynamic_registration else None,
        methods=_methods(configured, documents=config.client_metadata_documents),
    )


def configured_client(client_id: str, settings: ClientSettings) -> Client:
    """The client that the settings describe."""
    methods = (settings.token_endpoint_auth_method,)
    credentials = Credentials.configured(methods, settings.client_secret, settings.jwks, settings.jwks_uri)
    return Client(
        client_id=client_id,
        client_name=settings.client_name or client_id,
        redirect_uris=settings.redirect_uris,
        grant_types=settings.grant_types,
        credentials=credentials,
        standing=Standing.CONFIGURED,
        needs_consent=not settings.skip_consent,
        allowance=Allowance(settings.servers),
    )


def own_names(issuer: str) -> frozenset[str]:
    """By which assertions may name us: the issuer, as RFC 7523bis asks; what parses URLs puts a slash behind it."""
    return frozenset({issuer, f"{issuer}/"})


def _authentication(
    config: AdapterSettings, opened: Resources, known: ClientSource, kept: Collections, events: Events
) -> ClientAuthentication:
    keys = ClientKeys(
        strangers=key_sets(opened.fetchers.public, kept.client_key_sets, opened.now),
        configured=key_sets(opened.fetchers.anywhere, kept.configured_key_sets, opened.now),
    )
    # Older clients name the endpoint.
    audiences = own_names(config.public_url) | {f"{config.public_url}/oauth/token"}
    assertions = ClientAssertions(audiences, opened.now)
    return ClientAuthentication(known, keys, CredentialCheck(assertions, kept.used_assertions, opened.now, events))


def _methods(configured: Mapping[str, Client], *, documents: bool) -> list[str]:
    methods = [NONE, *(method for client in configured.values() for method in client.credentials.methods)]
    return list(dict.fromkeys([*methods, PRIVATE_KEY_JWT] if documents else methods))
