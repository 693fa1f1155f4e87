"""The token endpoint's grant types: those of people always, the others where the settings ask for them."""

from collections.abc import Iterable, Iterator

from authproxy_common.clients.published_keys import key_sets
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from mcp_gateway.collections import Collections
from mcp_gateway.composition.clients import own_names
from mcp_gateway.composition.resources import Resources
from mcp_gateway.composition.tokens import TokenMode
from mcp_gateway.domain.allowances import Allowance
from mcp_gateway.domain.clients import CLIENT_CREDENTIALS, JWT_BEARER
from mcp_gateway.domain.identity_assertions import PROFILE, TrustedIssuer
from mcp_gateway.domain.resources import MCPServers
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.identity_assertions import IdentityAssertions
from mcp_gateway.flows.ports import GrantType
from mcp_gateway.flows.provider_check import ProviderCheck
from mcp_gateway.flows.single_tokens import SingleTokens
from mcp_gateway.grant_types.authorization_code import AuthorizationCodeGrant
from mcp_gateway.grant_types.client_credentials import ClientCredentialsGrant
from mcp_gateway.grant_types.jwt_bearer import JWTBearerGrant
from mcp_gateway.grant_types.refresh_token import RefreshTokenGrant
from mcp_gateway.issuers.published_keys import IssuerDocuments
from mcp_gateway.settings import AdapterSettings


@frozen
class GrantTypes:
    """What those of the table share.

    Args:
        config: The settings.
        opened: What the process opened.
        kept: What is kept in the store.
        servers: The protected resources.
        events: Hears of every token.
    """

    config: AdapterSettings
    opened: Resources
    kept: Collections
    servers: MCPServers
    events: Events

    def build(self, grants: Grants, check: ProviderCheck, mode: TokenMode) -> dict[str, GrantType]:
        """By `grant_type`; what is not in it is not offered."""
        kept, now, events, access_tokens = self.kept, self.opened.now, self.events, mode.access_tokens
        code = AuthorizationCodeGrant(kept.codes, kept.code_uses, grants, access_tokens, now, events)
        built: dict[str, GrantType] = {
            "authorization_code": code,
            "refresh_token": RefreshTokenGrant(grants, check, self.servers, access_tokens, events),
        }
        tokens = SingleTokens(grants, access_tokens, now)
        if any(CLIENT_CREDENTIALS in client.grant_types for client in self.config.clients.values()):
            built[CLIENT_CREDENTIALS] = ClientCredentialsGrant(self.servers, tokens, events)
        if self.config.trusted_issuers:
            built[JWT_BEARER] = JWTBearerGrant(self.servers, self._identity_assertions(), tokens, events)
        return built

    def _identity_assertions(self) -> IdentityAssertions:
        opened, kept = self.opened, self.kept
        documents = key_sets(opened.fetchers.anywhere, kept.issuer_documents, opened.now, publisher="issuer")
        return IdentityAssertions(
            issuers={(each.issuer, each.tenant): each for each in trusted_issuers(self.config)},
            keys=IssuerDocuments(documents),
            audiences=own_names(self.config.public_url),
            used=kept.used_identity_assertions,
            now=opened.now,
            events=self.events,
        )


def grant_profiles(grant_types: Iterable[str]) -> list[str]:
    """The profiles of assertions that those of `grant_types` take."""
    return [PROFILE] if JWT_BEARER in grant_types else []


def trusted_issuers(config: AdapterSettings) -> Iterator[TrustedIssuer]:
    """As the settings describe them."""
    for name, issuer in config.trusted_issuers.items():
        yield TrustedIssuer(
            name=name,
            issuer=issuer.issuer,
            tenant=issuer.tenant,
            jwks_uri=issuer.jwks_uri,
            clients=frozenset(issuer.clients),
            allowance=Allowance(issuer.servers),
            email_domains=frozenset(issuer.email_domains),
        )
