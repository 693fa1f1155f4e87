"""What each MCP server is told of its callers, by its settings' `credentials`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.recent_answers import RecentAnswers
from authproxy_common.records import Collection
from mcp_gateway.broker.auth_server import AuthServer
from mcp_gateway.composition.resources import Resources
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.domain.tokens import UpstreamToken
from mcp_gateway.flows.exchanged_tokens import ExchangedTokens
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.provider_access import ProviderAccess
from mcp_gateway.flows.provider_check import ProviderCheck
from mcp_gateway.proxy.bearer_tokens import BearerTokens
from mcp_gateway.proxy.credentials import NoCredentials, StaticHeaders, UpstreamCredentials
from mcp_gateway.proxy.identity import Identity
from mcp_gateway.settings import AdapterSettings, ServerSettings, seconds
from mcp_gateway.settings.credentials import IDENTITY, NONE, PROVIDER_TOKEN, STATIC, TOKEN_EXCHANGE
from mcp_gateway.tokens.caller_assertions import CallerAssertions

# Those that tell something of the person whom a token was issued to.
_OF_THE_GRANT = frozenset({IDENTITY, PROVIDER_TOKEN, TOKEN_EXCHANGE})
# Longer than a message is under way.
_RENEWED_EARLY = timedelta(minutes=1)
# Who asks at the same time gets the same answer; none is kept here.
_FOR_NO_TIME = timedelta(0)


def tell_of_grants(servers: Mapping[str, ServerSettings]) -> bool:
    """Whether some server learns more of a caller than the token says."""
    return any(server.credentials in _OF_THE_GRANT for server in servers.values())


@frozen
class ProviderTokens:
    """How the provider's tokens are had.

    Args:
        grants: They are kept in.
        check: Renews them.
        auth_server: Exchanges them.
        exchanged: Those that it gave for them.
        events: Hears of them.
    """

    grants: Grants
    check: ProviderCheck
    auth_server: AuthServer
    exchanged: Collection[UpstreamToken]
    events: Events


@frozen
class Credentials:
    """Makes them.

    Args:
        config: The settings.
        opened: What the process opened.
        provider_tokens: None where nobody signs in, and the settings ask for none.
    """

    config: AdapterSettings
    opened: Resources
    provider_tokens: ProviderTokens | None

    def of(self, server: MCPServer) -> UpstreamCredentials:
        """The way that is configured for `server`."""
        ways: Mapping[str, Callable[[MCPServer, ServerSettings], UpstreamCredentials]] = {
            NONE: lambda _server, _settings: NoCredentials(),
            STATIC: lambda _server, settings: StaticHeaders(settings.static_headers),
            IDENTITY: self._identity,
            PROVIDER_TOKEN: self._provider_token,
            TOKEN_EXCHANGE: self._token_exchange,
        }
        settings = self.config.servers[server.name]
        return ways[settings.credentials](server, settings)

    def _identity(self, _server: MCPServer, settings: ServerSettings) -> UpstreamCredentials:
        told = settings.identity
        audience = told.audience or settings.url or settings.urls[0]
        ttl = seconds(told.assertion_ttl_seconds)
        assertions = CallerAssertions(self.config.public_url, audience, self.opened.signing_keys, ttl, self.opened.now)
        return Identity(assertions, told.assertion_header, self.opened.now)

    def _provider_token(self, server: MCPServer, settings: ServerSettings) -> UpstreamCredentials:
        return BearerTokens(server, self._access(self._given(), settings), self.opened.now)

    def _token_exchange(self, server: MCPServer, settings: ServerSettings) -> UpstreamCredentials:
        given, now = self._given(), self.opened.now
        tokens = ExchangedTokens(
            server.name,
            settings.token_exchange.target,
            self._access(given, settings),
            given.auth_server,
            given.exchanged,
            RecentAnswers(_FOR_NO_TIME, now),
            now,
            given.events,
        )
        return BearerTokens(server, tokens, now)

    def _access(self, given: ProviderTokens, settings: ServerSettings) -> ProviderAccess:
        now, provider = self.opened.now, settings.provider or self.config.external_auth_provider
        # An auth server of several providers has to be told which one a token is of.
        validation = AuthServer(replace(given.auth_server.gateway, provider=provider))
        return ProviderAccess(
            provider,
            replace(given.check, early=max(given.check.early, _RENEWED_EARLY)),
            given.grants,
            validation,
            RecentAnswers(_FOR_NO_TIME, now),
            now,
            given.events,
        )

    def _given(self) -> ProviderTokens:
        if self.provider_tokens is None:
            raise ValueError("there are no tokens of a provider where nobody signs in; the settings refuse that")
        return self.provider_tokens
