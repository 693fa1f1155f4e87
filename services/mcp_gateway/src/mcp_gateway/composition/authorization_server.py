"""The authorization server in front of the protected resources."""

import httpx
from starlette.routing import Route

from authproxy_common.clients.signed_jwts import ALGORITHMS
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.gateway_sign_in import GatewayCredentials, GatewaySignIn
from authproxy_common.http.assembly import Surroundings
from authproxy_common.http.browser import BrowserCookie
from mcp_gateway.broker.auth_server import AuthServer
from mcp_gateway.collections import Collections
from mcp_gateway.composition.clients import Clients, build_clients
from mcp_gateway.composition.credentials import ProviderTokens, tell_of_grants
from mcp_gateway.composition.grant_types import GrantTypes, grant_profiles
from mcp_gateway.composition.resources import Resources
from mcp_gateway.composition.routes import CALLBACK, browser_routes, client_routes, metadata_routes
from mcp_gateway.composition.tokens import TOKEN_MODES, TokenMode
from mcp_gateway.domain.resources import MCPServers
from mcp_gateway.endpoints.account import AccountEndpoints
from mcp_gateway.endpoints.authorization import AuthorizationEndpoints
from mcp_gateway.endpoints.introspection import IntrospectionEndpoint
from mcp_gateway.endpoints.metadata import MetadataEndpoints, Offer
from mcp_gateway.endpoints.registration import RegistrationEndpoint
from mcp_gateway.endpoints.revocation import RevocationEndpoint
from mcp_gateway.endpoints.token import TokenEndpoint
from mcp_gateway.flows.authorization import AuthorizationFlow
from mcp_gateway.flows.consents import Consents
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.introspection import IntrospectionFlow
from mcp_gateway.flows.ports import GrantType
from mcp_gateway.flows.provider_check import ProviderCheck
from mcp_gateway.flows.revocation import RevocationFlow
from mcp_gateway.proxy.admission import Admission, TokenAdmission
from mcp_gateway.settings import AdapterSettings, seconds


@frozen
class AuthorizationServer:
    """What several of its endpoints share.

    Args:
        config: The settings.
        resources: What the process opened.
        around: What is the same around every service's routes.
        servers: The protected resources.
    """

    config: AdapterSettings
    resources: Resources
    around: Surroundings
    servers: MCPServers

    def build(self) -> tuple[list[Route], Admission, ProviderTokens]:
        """Its routes, who may pass to the MCP servers, and what these may get of the provider's."""
        config, opened = self.config, self.resources
        events = Events(self.around.metrics)
        kept = Collections.of(config, opened.store, opened.sealing_keys)
        clients = build_clients(config, opened, kept, events)
        grants = Grants(
            kept.grants,
            kept.rotations,
            kept.ended,
            kept.epochs,
            seconds(config.refresh_grace_seconds),
            opened.now,
            events,
        )
        auth_server = AuthServer(build_gateway_sign_in(config, opened.http))
        mode = TOKEN_MODES[config.token_mode](config, opened, kept, auth_server)
        check = ProviderCheck(grants, kept.renewals, auth_server, mode.renewed_early, opened.now, events)
        consents = Consents(kept.given_consents, seconds(config.consent_ttl_seconds), grants, opened.now, events)
        grant_types = GrantTypes(config, opened, kept, self.servers, events).build(grants, check, mode)
        flow = AuthorizationFlow(
            config.public_url,
            self.servers,
            clients.known,
            auth_server,
            consents,
            kept.pending_consents,
            kept.sign_ins,
            kept.codes,
            events,
        )
        routes = [
            *self._metadata_routes(clients, list(grant_types)),
            *self._browser_routes(flow, consents),
            *self._client_routes(clients, grants, grant_types, mode, auth_server),
        ]
        tells_grants = tell_of_grants(config.servers) or self.servers.depend_on_people
        admission = TokenAdmission(mode.access_tokens, grants, opened.now, tells_grants)
        return routes, admission, ProviderTokens(grants, check, auth_server, kept.exchanged_tokens, events)

    def _metadata_routes(self, clients: Clients, grant_types: list[str]) -> list[Route]:
        offer = Offer(
            grant_types=grant_types,
            grant_profiles=grant_profiles(grant_types),
            authentication_methods=clients.methods,
            assertion_algorithms=ALGORITHMS,
            registration=clients.registration is not None,
            metadata_documents=self.config.client_metadata_documents,
        )
        published = self.resources.signing_keys.published()
        return metadata_routes(MetadataEndpoints(self.config.public_url, self.servers, offer, published))

    def _browser_routes(self, flow: AuthorizationFlow, consents: Consents) -> list[Route]:
        config, https = self.config, self.around.https
        # Consents can be seen and withdrawn for as long as the browser can be told from others.
        kept = seconds(config.consent_ttl_seconds) + seconds(config.grant_ttl_seconds)
        visitor = BrowserCookie("mcp_gateway_visitor", https, kept)
        approval = BrowserCookie("mcp_gateway_approval", https, seconds(config.sign_in_ttl_seconds))
        limit = self.resources.counters.limit("authorize", config.rate_limits.authorize)
        return browser_routes(
            AuthorizationEndpoints(flow, self.servers, visitor, approval, self.around.pages),
            AccountEndpoints(consents, self.servers, visitor, self.around.pages),
            limit,
        )

    def _client_routes(
        self,
        clients: Clients,
        grants: Grants,
        grant_types: dict[str, GrantType],
        mode: TokenMode,
        auth_server: AuthServer,
    ) -> list[Route]:
        counters, rates = self.resources.counters, self.config.rate_limits
        register = counters.limit("register", rates.register)
        token = counters.limit("token", rates.token)
        revocation = RevocationFlow(grants, mode.access_tokens, auth_server)
        introspection = IntrospectionFlow(self.config.public_url, grants, mode.access_tokens)
        registration = RegistrationEndpoint(clients.registration)
        return [
            *client_routes("/token", TokenEndpoint(clients.authentication, grant_types).token, token),
            *client_routes("/register", registration.register, register),
            *client_routes("/revoke", RevocationEndpoint(clients.authentication, revocation).revoke, token),
            *client_routes(
                "/introspect", IntrospectionEndpoint(clients.authentication, introspection).introspect, token
            ),
        ]


def build_gateway_sign_in(config: AdapterSettings, http: httpx.AsyncClient) -> GatewaySignIn:
    """Our side of sign-ins at the auth server that these settings name."""
    name, secret = config.external_auth_gateway_name, config.external_auth_gateway_secret
    return GatewaySignIn(
        auth_server_url=config.external_auth_service_url,
        internal_auth_server_url=config.internal_auth_service_url or None,
        gateway_uri=config.public_url + CALLBACK,
        provider=config.external_auth_provider or None,
        http=http,
        credentials=GatewayCredentials(name, secret) if name else None,
    )
