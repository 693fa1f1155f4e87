"""The composition root: what is built of what, and which path leads where."""

from dataclasses import dataclass
from datetime import timedelta

import httpx
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from authproxy_common.clock import Clock
from authproxy_common.events import Events
from authproxy_common.http.assembly import Endpoint, Surroundings, closing, layered, page_route, starlette_app
from authproxy_common.http.body_limit import BodyLimit
from authproxy_common.http.browser import BrowserCookie
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.pages import Pages
from authproxy_common.records import SealingKeys, Store
from mcp_gateway.broker.auth_server import AuthServer
from mcp_gateway.client_sources.registered import RegisteredClients
from mcp_gateway.collections import Collections
from mcp_gateway.domain.resources import MCPServer, MCPServers
from mcp_gateway.endpoints.authorization import AuthorizationEndpoints
from mcp_gateway.endpoints.metadata import JWKS_PATH, MetadataEndpoints, well_known_paths
from mcp_gateway.endpoints.registration import RegistrationEndpoint
from mcp_gateway.endpoints.revocation import RevocationEndpoint
from mcp_gateway.endpoints.token import TokenEndpoint
from mcp_gateway.flows.authorization import AuthorizationFlow
from mcp_gateway.flows.client_authentication import ClientAuthentication
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import GrantType
from mcp_gateway.flows.provider_check import ProviderCheck
from mcp_gateway.flows.registration import RegistrationFlow
from mcp_gateway.flows.revocation import RevocationFlow
from mcp_gateway.grant_types.authorization_code import AuthorizationCodeGrant
from mcp_gateway.grant_types.refresh_token import RefreshTokenGrant
from mcp_gateway.proxy.admission import Admission, OpenAdmission, TokenAdmission
from mcp_gateway.proxy.mcp_proxy import MCPProxy, Upstream
from mcp_gateway.proxy.origins import OriginPolicy
from mcp_gateway.proxy.transport import UpstreamTransport
from mcp_gateway.settings import OAUTH_BODY_LIMIT, AdapterSettings, GatewaySettings, seconds
from mcp_gateway.tokens.access_tokens import AccessTokens
from mcp_gateway.tokens.signing_keys import SigningKeys

AUTHORIZE, CONSENT, CALLBACK = "/oauth/authorize", "/oauth/consent", "/oauth/callback"
# Where clients of MCP 2025-03-26 look that found no metadata.
OLD_AUTHORIZE = "/authorize"

_CORS_HEADERS = ["authorization", "content-type", "mcp-protocol-version"]


@dataclass(frozen=True, slots=True)
class Resources:
    """What the process opened and the app closes.

    Args:
        store: Shared between replicas.
        sealing_keys: Seal records and registrations.
        signing_keys: Sign access tokens.
        http: Towards the auth server.
        transport: Towards the upstream MCP servers.
        now: The clock.
    """

    store: Store
    sealing_keys: SealingKeys
    signing_keys: SigningKeys
    http: httpx.AsyncClient
    transport: UpstreamTransport
    now: Clock


def create_app(settings: GatewaySettings, resources: Resources) -> ASGIApp:
    """The gateway; it closes `resources` in its lifespan."""
    config = settings.adapter_config
    around = Surroundings(
        health=HealthEndpoints({"redis": resources.store.ping}),
        metrics=Metrics(),
        pages=Pages("mcp_gateway", "MCP gateway"),
        https=config.public_url.startswith("https://"),
        body_limit=config.max_body_bytes,
        management_port=config.management_port,
    )
    build = _authorizing if config.enable_auth else _open
    routes, admission, upstreams = build(config, resources, around)
    lifespan = closing(resources.transport, resources.http, resources.store)
    app: ASGIApp = starlette_app(routes, (AUTHORIZE, OLD_AUTHORIZE, CONSENT, CALLBACK), around, lifespan)
    app = MCPProxy(
        BodyLimit(app, limit=OAUTH_BODY_LIMIT),
        upstreams=upstreams,
        admission=admission,
        origins=OriginPolicy.for_public_url(
            config.public_url, config.allowed_hosts, config.allowed_origins, development=config.development_mode
        ),
        transport=resources.transport,
        metrics=around.metrics,
    )
    return layered(app, [*(route.path for route in routes), *upstreams], around)


_Built = tuple[list[Route], Admission, dict[str, Upstream]]


def _authorizing(config: AdapterSettings, resources: Resources, around: Surroundings) -> _Built:
    """An authorization server in front of protected resources."""
    upstreams = _upstreams(config)
    servers = MCPServers({path: upstream.server for path, upstream in upstreams.items()})
    access_tokens = AccessTokens(
        config.public_url, resources.signing_keys, seconds(config.access_token_ttl_seconds), resources.now
    )
    clients = RegisteredClients(resources.sealing_keys, seconds(config.registration_ttl_seconds), resources.now)
    collections = Collections.of(config, resources.store, resources.sealing_keys)
    events = Events(around.metrics)
    grants = _grants(config, resources, collections, events)
    auth_server, authentication = _auth_server(config, resources.http), ClientAuthentication([clients])
    check = ProviderCheck(grants, collections.renewals, auth_server, resources.now, events)
    grant_types = _grant_types(resources, collections, events, grants=grants, check=check, access_tokens=access_tokens)
    flow = AuthorizationFlow(
        config.public_url,
        servers,
        [clients],
        auth_server,
        collections.consents,
        collections.sign_ins,
        collections.codes,
        events,
    )
    metadata = MetadataEndpoints(config.public_url, servers, list(grant_types), resources.signing_keys.published())
    revocation = RevocationFlow(grants, access_tokens, auth_server)
    routes = [
        *_metadata_routes(metadata),
        *_browser_routes(_authorization_endpoints(flow, servers, config, around)),
        *_client_routes("/token", TokenEndpoint(authentication, grant_types).token),
        *_client_routes("/register", RegistrationEndpoint(RegistrationFlow(clients, events)).register),
        *_client_routes("/revoke", RevocationEndpoint(authentication, revocation).revoke),
    ]
    return routes, TokenAdmission(access_tokens, grants, resources.now), upstreams


def _open(config: AdapterSettings, _resources: Resources, _around: Surroundings) -> _Built:
    """A plain proxy: `enable_auth: false`."""
    return [], OpenAdmission(), _upstreams(config)


def _grants(config: AdapterSettings, resources: Resources, kept: Collections, events: Events) -> Grants:
    grace = seconds(config.refresh_grace_seconds)
    return Grants(kept.grants, kept.rotations, kept.ended, kept.epochs, grace, resources.now, events)


def _grant_types(
    resources: Resources,
    kept: Collections,
    events: Events,
    *,
    grants: Grants,
    check: ProviderCheck,
    access_tokens: AccessTokens,
) -> dict[str, GrantType]:
    return {
        "authorization_code": AuthorizationCodeGrant(
            kept.codes, kept.code_uses, grants, access_tokens, resources.now, events
        ),
        "refresh_token": RefreshTokenGrant(grants, check, access_tokens, events),
    }


def _auth_server(config: AdapterSettings, http: httpx.AsyncClient) -> AuthServer:
    return AuthServer(
        external_url=config.external_auth_service_url,
        internal_url=config.internal_auth_service_url or config.external_auth_service_url,
        gateway_uri=config.public_url + CALLBACK,
        provider=config.external_auth_provider or None,
        http=http,
    )


def _authorization_endpoints(
    flow: AuthorizationFlow, servers: MCPServers, config: AdapterSettings, around: Surroundings
) -> AuthorizationEndpoints:
    visitor = BrowserCookie("mcp_gateway_visitor", around.https, timedelta(days=1))
    approval = BrowserCookie("mcp_gateway_approval", around.https, seconds(config.sign_in_ttl_seconds))
    return AuthorizationEndpoints(flow, servers, visitor, approval, around.pages)


def _browser_routes(endpoints: AuthorizationEndpoints) -> list[Route]:
    return [
        page_route(AUTHORIZE, endpoints.authorize),
        page_route(OLD_AUTHORIZE, endpoints.authorize),
        Route(CONSENT, endpoints.consent, methods=["POST"]),
        page_route(CALLBACK, endpoints.callback),
    ]


def _client_routes(path: str, endpoint: Endpoint) -> list[Route]:
    """Open to scripts of any page: these endpoints believe no cookie. Below `/` too, for clients of 2025-03-26."""
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["POST"], allow_headers=_CORS_HEADERS)
    return [Route(each, endpoint, methods=["POST", "OPTIONS"], middleware=[cors]) for each in (f"/oauth{path}", path)]


def _metadata_routes(metadata: MetadataEndpoints) -> list[Route]:
    paths = well_known_paths()
    return [
        *(Route(path, metadata.authorization_server) for path in paths["authorization_server"]),
        *(Route(path, metadata.protected_resource) for path in paths["protected_resource"]),
        Route(JWKS_PATH, metadata.keys),
    ]


def _upstreams(config: AdapterSettings) -> dict[str, Upstream]:
    upstreams = {}
    for name, settings in config.servers.items():
        server = MCPServer.at(config.public_url, name, settings.scopes, settings.required_scopes)
        upstreams[server.path] = Upstream(
            server=server,
            url=settings.url,
            tells_identity=settings.credentials == "identity",
            response_timeout=seconds(settings.response_timeout_seconds),
            idle_timeout=seconds(settings.stream_idle_timeout_seconds),
        )
    return upstreams
