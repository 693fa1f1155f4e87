"""`oauth2_config.yaml`: its keys, their defaults, and what would be wrong with them."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import timedelta
from pathlib import Path

from auth_server.domain.callbacks import named_in
from auth_server.domain.gateway_uris import entry_problems
from auth_server.settings.gateways import GatewaySettings, SecuritySettings, exchange_problems, gateway_problems
from auth_server.settings.providers import ProviderSettings
from authproxy_common.config import Loaded, checks, load, setting
from authproxy_common.exchange import PROVIDER_NAME
from authproxy_common.frozen import frozen
from authproxy_common.records.sealing import ring_problems
from authproxy_common.records.store_url import store_url_problem
from authproxy_common.secret import Secret

__all__ = [
    "BODY_LIMIT",
    "AuthServerSettings",
    "ProviderSettings",
    "ProxyOAuthSettings",
    "load_settings",
]

BODY_LIMIT = 64 * 1024


def _is_a_short_while(value: int) -> str | None:
    return None if 0 <= value <= 60 else "must be between 0 and 60: for so long a token that was revoked passes"


@frozen(kw_only=True)
class ProxyOAuthSettings:
    """How gateways may use this auth server."""

    enabled: bool = setting(True)
    allowed_redirect_uris: tuple[str, ...] = setting(())
    gateway_code_ttl_seconds: int = setting(300, check=checks.is_positive)
    strict_uri_validation: bool = setting(True)
    require_pkce: bool = setting(False)
    validation_cache_seconds: int = setting(10, check=_is_a_short_while)


@frozen(kw_only=True)
class SessionSettings:
    """How long a person may take to sign in, in seconds."""

    timeout: int = setting(600, check=checks.is_positive)


@frozen(kw_only=True)
class LoggingSettings:
    """What is logged."""

    level: str = setting("INFO", check=checks.is_log_level)


@frozen(kw_only=True)
class AuthServerSettings:
    """The whole file."""

    enabled: bool = setting(True)
    development_mode: bool = setting(False)
    host: str = setting("0.0.0.0")  # noqa: S104  # in a container there is no other sensible address
    port: int = setting(8080, check=checks.is_port)
    management_port: int = setting(9464, check=checks.is_management_port)
    public_metrics: bool = setting(True)
    public_url: str = setting("http://localhost:8080", check=checks.is_origin)
    replicas: int = setting(1, check=checks.is_positive)
    redis_url: Secret = setting(Secret("memory://"), check=store_url_problem)
    encryption_keys: tuple[Secret, ...] = setting(())
    providers: dict[str, ProviderSettings] = setting({})
    proxy_oauth: ProxyOAuthSettings = field(default_factory=ProxyOAuthSettings)
    gateways: dict[str, GatewaySettings] = setting({})
    security: SecuritySettings = field(default_factory=SecuritySettings)
    trusted_proxies: tuple[str, ...] = setting(())
    session: SessionSettings = field(default_factory=SessionSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)

    @property
    def offers_sign_in(self) -> bool:
        """Whether anything but the operator's endpoints is open."""
        return self.enabled and self.proxy_oauth.enabled

    @property
    def gateway_code_ttl(self) -> timedelta:
        return timedelta(seconds=self.proxy_oauth.gateway_code_ttl_seconds)

    @property
    def validation_kept(self) -> timedelta:
        return timedelta(seconds=self.proxy_oauth.validation_cache_seconds)

    @property
    def sign_in_ttl(self) -> timedelta:
        return timedelta(seconds=self.session.timeout)

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        proxy = self.proxy_oauth
        for index, message in entry_problems(
            proxy.allowed_redirect_uris, strict=proxy.strict_uri_validation, development=self.development_mode
        ):
            yield f"proxy_oauth.allowed_redirect_uris[{index}]", message
        yield from gateway_problems(
            self.gateways,
            proxy.allowed_redirect_uris,
            strict=proxy.strict_uri_validation,
            development=self.development_mode,
        )
        yield from exchange_problems(self.gateways, self.providers)
        yield from checks.unusable_networks(self.trusted_proxies, "trusted_proxies")
        yield from ring_problems(self.encryption_keys, "encryption_keys")
        if self.management_port == self.port:
            yield "management_port", "must differ from port"
        yield from checks.hidden_metrics(self.management_port, public_metrics=self.public_metrics)
        yield from checks.unshared_store(self.redis_url, self.replicas)
        if self.offers_sign_in and not self.providers:
            yield "providers", "none is configured; set the variables of at least one, or enabled: false"
        for name, provider in self.providers.items():
            if not PROVIDER_NAME.fullmatch(name):
                yield (
                    f"providers.{name}",
                    "a provider's name has lower-case letters, digits, - and _ alone, and is not client",
                )
            if named_in(provider.redirect_uri) not in {None, name}:
                yield f"providers.{name}.redirect_uri", f"must end with /callback or /callback/{name}"
        if not self.development_mode:
            yield from self._unfit_for_production()

    def _unfit_for_production(self) -> Iterator[tuple[str, str]]:
        urls = {"public_url": self.public_url}
        for name, provider in self.providers.items():
            urls |= {f"providers.{name}.{key}": url for key, url in provider.urls().items()}
        return checks.unfit_for_production(urls, self.redis_url, self.encryption_keys)


def load_settings(path: Path, variables: Mapping[str, str]) -> Loaded[AuthServerSettings]:
    """Read the file; raises SettingsError with every problem. Providers without their variables are left out."""
    return load(AuthServerSettings, path, variables, optional_blocks="providers")
