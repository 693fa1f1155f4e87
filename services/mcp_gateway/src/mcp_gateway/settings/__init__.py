"""`mcp_gateway.yaml`: its keys, their defaults, and what would be wrong with them."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import timedelta
from pathlib import Path

from authproxy_common.config import Loaded, checks, load, setting
from authproxy_common.frozen import frozen
from authproxy_common.records.rate_limits import rate_problem
from authproxy_common.records.sealing import ring_problems
from authproxy_common.records.store_url import store_url_problem
from authproxy_common.secret import Secret
from mcp_gateway.domain.clients import CLIENT_CREDENTIALS
from mcp_gateway.settings.clients import ClientSettings, unusable_hosts
from mcp_gateway.settings.credentials import Circumstances
from mcp_gateway.settings.servers import ServerSettings, unusable_servers
from mcp_gateway.settings.trusted_issuers import TrustedIssuerSettings
from mcp_gateway.settings.without_browser import unusable_clients, unusable_issuers
from mcp_gateway.tokens.signing_keys import signing_keys_problem

__all__ = [
    "AdapterSettings",
    "ClientSettings",
    "GatewaySettings",
    "RateLimitSettings",
    "ServerSettings",
    "TrustedIssuerSettings",
    "load_settings",
    "seconds",
]

OAUTH_BODY_LIMIT = 64 * 1024

_DAY = 24 * 60 * 60
PASSTHROUGH = "passthrough"


@frozen(kw_only=True)
class RateLimitSettings:
    """How often one address may ask, by what it asks for."""

    register: str = setting("60/minute", check=rate_problem)
    authorize: str = setting("120/minute", check=rate_problem)
    token: str = setting("1200/minute", check=rate_problem)


@frozen(kw_only=True)
class AdapterSettings:
    """Everything but logging."""

    enable_auth: bool = setting(True)
    external_auth_service_url: str = setting("http://localhost:8080", check=checks.is_origin)
    internal_auth_service_url: str = setting("", check=checks.is_origin)
    external_auth_provider: str = setting("")
    external_auth_gateway_name: str = setting("")
    external_auth_gateway_secret: Secret = setting(Secret(""))
    host: str = setting("0.0.0.0")  # noqa: S104  # in a container there is no other sensible address
    port: int = setting(8090, check=checks.is_port)
    management_port: int = setting(9465, check=checks.is_management_port)
    public_metrics: bool = setting(True)
    public_url: str = setting("http://localhost:8090", check=checks.is_origin)
    replicas: int = setting(1, check=checks.is_positive)
    redis_url: Secret = setting(Secret("memory://"), check=store_url_problem)
    development_mode: bool = setting(False)
    encryption_keys: tuple[Secret, ...] = setting(())
    signing_keys: Secret = setting(Secret(""), check=signing_keys_problem)
    allowed_hosts: tuple[str, ...] = setting(())
    allowed_origins: tuple[str, ...] = setting(())
    servers: dict[str, ServerSettings]
    clients: dict[str, ClientSettings] = setting({})
    trusted_issuers: dict[str, TrustedIssuerSettings] = setting({})
    dynamic_registration: bool = setting(True)
    client_metadata_documents: bool = setting(True)
    client_metadata_hosts: tuple[str, ...] = setting(())
    client_metadata_hosts_only: bool = setting(False)
    allow_loopback_client_metadata: bool = setting(False)
    client_redirect_hosts: tuple[str, ...] = setting(())
    consent_ttl_seconds: int = setting(30 * _DAY, check=checks.is_not_negative)
    token_mode: str = setting("gateway", check=checks.is_one_of("gateway", PASSTHROUGH))
    trusted_proxies: tuple[str, ...] = setting(())
    rate_limits: RateLimitSettings = field(default_factory=RateLimitSettings)
    access_token_ttl_seconds: int = setting(600, check=checks.is_positive)
    authorization_code_ttl_seconds: int = setting(60, check=checks.is_positive)
    sign_in_ttl_seconds: int = setting(900, check=checks.is_positive)
    grant_ttl_seconds: int = setting(30 * _DAY, check=checks.is_positive)
    registration_ttl_seconds: int = setting(365 * _DAY, check=checks.is_positive)
    refresh_grace_seconds: int = setting(60, check=checks.is_positive)
    fast_lane: bool = setting(True)
    max_body_bytes: int = setting(4 * 1024 * 1024, check=checks.is_positive)

    @property
    def store_url(self) -> Secret:
        """Where state is kept: with `enable_auth: false` there is none, and nobody waits for a Redis."""
        return self.redis_url if self.enable_auth else Secret("memory://")

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        if self.management_port == self.port:
            yield "management_port", "must differ from port"
        yield from checks.hidden_metrics(self.management_port, public_metrics=self.public_metrics)
        if bool(self.external_auth_gateway_name) != bool(self.external_auth_gateway_secret):
            yield "external_auth_gateway_secret", "and external_auth_gateway_name are of use together alone"
        yield from self._unusable_servers()
        yield from unusable_clients(self.clients, self.trusted_issuers, self.servers)
        yield from unusable_issuers(self.trusted_issuers, self.clients, self.servers, self.public_url)
        if self.token_mode == PASSTHROUGH:
            yield from self._without_provider_tokens()
        if self.client_metadata_hosts_only and not self.client_metadata_hosts:
            yield "client_metadata_hosts_only", "leaves none; set client_metadata_documents to false for that"
        yield from unusable_hosts(self.client_metadata_hosts, "client_metadata_hosts")
        yield from unusable_hosts(self.client_redirect_hosts, "client_redirect_hosts", or_scheme=True)
        yield from checks.unusable_networks(self.trusted_proxies, "trusted_proxies")
        yield from ring_problems(self.encryption_keys, "encryption_keys")
        yield from checks.unusable_origins(self.allowed_origins, "allowed_origins")
        if self.enable_auth:
            yield from checks.unshared_store(self.redis_url, self.replicas)
        if self.enable_auth and not self.development_mode:
            yield from self._unfit_for_production()

    def _unusable_servers(self) -> Iterator[tuple[str, str]]:
        if not self.servers:
            yield "servers", "needs at least one MCP server"
        for key, message in unusable_servers(self.servers):
            yield f"servers.{key}", message
        for name, server in self.servers.items() if not self.enable_auth else ():
            for key in server.keys_that_need_a_caller():
                yield f"servers.{name}.{key}", "needs enable_auth: without it nothing is known of whoever calls"
        circumstances = Circumstances(
            public_url=self.public_url,
            asks=self.enable_auth,
            hands_on=self.token_mode == PASSTHROUGH,
            provider=self.external_auth_provider,
            authenticates=bool(self.external_auth_gateway_name),
        )
        yield from circumstances.problems(self.servers)

    def _without_provider_tokens(self) -> Iterator[tuple[str, str]]:
        reason = f"there is no provider's token to hand on with token_mode {PASSTHROUGH}"
        for client_id, client in self.clients.items():
            if CLIENT_CREDENTIALS in client.grant_types:
                yield f"clients.{client_id}.grant_types", reason
        if self.trusted_issuers:
            yield "trusted_issuers", reason

    def _unfit_for_production(self) -> Iterator[tuple[str, str]]:
        urls = {"public_url": self.public_url, "external_auth_service_url": self.external_auth_service_url}
        for name, issuer in self.trusted_issuers.items():
            urls |= {f"trusted_issuers.{name}.{key}": url for key, url in issuer.urls().items()}
        yield from checks.unfit_for_production(urls, self.redis_url, self.encryption_keys)
        if self.allow_loopback_client_metadata:
            yield "allow_loopback_client_metadata", "must be false unless development_mode is true"
        if not self.signing_keys:
            yield "signing_keys", f"is needed unless development_mode is true: {signing_keys_problem(Secret(''))}"


@frozen(kw_only=True)
class LoggingSettings:
    """What is logged."""

    level: str = setting("INFO", check=checks.is_log_level)


@frozen(kw_only=True)
class GatewaySettings:
    """The whole file."""

    adapter_config: AdapterSettings
    logging: LoggingSettings = field(default_factory=LoggingSettings)


def seconds(count: int) -> timedelta:
    """A lifetime as the rest of the code wants it."""
    return timedelta(seconds=count)


def load_settings(path: Path, variables: Mapping[str, str]) -> Loaded[GatewaySettings]:
    """Read the file; raises SettingsError with every problem."""
    return load(GatewaySettings, path, variables)
