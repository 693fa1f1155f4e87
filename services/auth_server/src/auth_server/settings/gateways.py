"""`gateways` and `security`: who may call the backend endpoints, from where, and how often."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from typing import Any

from auth_server.domain.gateway_uris import BadEntry, GatewayURIPattern, entry_problems
from auth_server.settings.providers import WITHOUT_EXCHANGE, ProviderSettings
from authproxy_common.clients.credentials import NONE, secret_problem
from authproxy_common.clients.key_sets import key_set_problem
from authproxy_common.config import checks, setting
from authproxy_common.frozen import frozen
from authproxy_common.records.rate_limits import rate_problem
from authproxy_common.secret import Secret

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@frozen(kw_only=True)
class GatewaySettings:
    """A gateway that authenticates; its name is its client_id."""

    allowed_redirect_uris: tuple[str, ...] = setting(())
    client_secret: Secret = setting(Secret(""))
    jwks: dict[str, Any] = setting({})
    jwks_uri: str = setting("", check=checks.is_url)
    token_exchange: dict[str, tuple[str, ...]] = setting({})

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        if not self.allowed_redirect_uris:
            yield "allowed_redirect_uris", "needs at least one URI"
        if sum(map(bool, (self.client_secret, self.jwks, self.jwks_uri))) != 1:
            yield "client_secret", "is needed, or jwks, or jwks_uri, and no two of them"
        elif self.client_secret and (problem := secret_problem(self.client_secret)):
            yield "client_secret", problem
        if problem := key_set_problem(self.jwks):
            yield "jwks", problem
        for provider, services in self.token_exchange.items():
            if not services:
                yield f"token_exchange.{provider}", "needs at least one service that tokens may be exchanged for"


@frozen(kw_only=True)
class CORSSettings:
    """Which pages' scripts may call the backend endpoints."""

    allowed_origins: tuple[str, ...] = setting(())

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What is no origin."""
        yield from checks.unusable_origins(self.allowed_origins, "allowed_origins")


@frozen(kw_only=True)
class RateLimitSettings:
    """How often one address may ask, by what it asks for; `gateway` is of one gateway, wherever it calls from."""

    login: str = setting("120/minute", check=rate_problem)
    callback: str = setting("120/minute", check=rate_problem)
    backend: str = setting("6000/minute", check=rate_problem)
    gateway: str = setting("6000/minute", check=rate_problem)


@frozen(kw_only=True)
class SecuritySettings:
    """From where scripts may call, and how often anybody may."""

    cors: CORSSettings = field(default_factory=CORSSettings)
    rate_limit: RateLimitSettings = field(default_factory=RateLimitSettings)


def gateway_problems(
    gateways: Mapping[str, GatewaySettings], everybodys: Sequence[str], *, strict: bool, development: bool
) -> Iterator[tuple[str, str]]:
    """What is wrong with the gateways taken together, and with the list of URIs that need no credentials, by key."""
    for name, gateway in gateways.items():
        if not _NAME.fullmatch(name):
            yield f"gateways.{name}", "a gateway's name has letters, digits, - _ and . alone, 64 at most"
        entries = gateway.allowed_redirect_uris
        for index, message in entry_problems(entries, strict=strict, development=development):
            yield f"gateways.{name}.allowed_redirect_uris[{index}]", message
        if gateway.jwks_uri and not (development or gateway.jwks_uri.startswith("https://")):
            yield f"gateways.{name}.jwks_uri", "must be https:// unless development_mode is true"
    yield from _shared_uris(gateways, strict=strict)
    for index, pattern in _patterns(everybodys, strict=strict):
        for name, gateway in gateways.items():
            theirs = [own for _, own in _patterns(gateway.allowed_redirect_uris, strict=strict)]
            if pattern.is_wild and any(map(pattern.overlaps, theirs)):
                # A path that differs in nothing that counts for the app would need no credentials.
                yield (
                    f"proxy_oauth.allowed_redirect_uris[{index}]",
                    f"also means URIs of the gateway {name}",
                )


def exchange_problems(
    gateways: Mapping[str, GatewaySettings], providers: Mapping[str, ProviderSettings]
) -> Iterator[tuple[str, str]]:
    """What is wrong with the providers whose tokens gateways may have exchanged, by key."""
    for name, gateway in gateways.items():
        for provider in gateway.token_exchange:
            key, settings = f"gateways.{name}.token_exchange.{provider}", providers.get(provider)
            if settings is None:
                yield key, "is not the name of a provider, or of one whose variables are not set"
            elif settings.kind in WITHOUT_EXCHANGE:
                yield key, f"is a provider that exchanges no tokens: {settings.kind} has no such grant"
            elif settings.auth_method == NONE:
                yield key, "is a provider at which we are a public client, which exchanges no tokens"


def _shared_uris(gateways: Mapping[str, GatewaySettings], *, strict: bool) -> Iterator[tuple[str, str]]:
    seen: list[tuple[str, GatewayURIPattern]] = []
    for name, gateway in gateways.items():
        for index, pattern in _patterns(gateway.allowed_redirect_uris, strict=strict):
            for other in (other for other, theirs in seen if other != name and theirs.overlaps(pattern)):
                yield f"gateways.{name}.allowed_redirect_uris[{index}]", f"means a URI that is {other}'s too"
            seen.append((name, pattern))


def _patterns(entries: Sequence[str], *, strict: bool) -> Iterator[tuple[int, GatewayURIPattern]]:
    for index, entry in enumerate(entries):
        # What is wrong with an entry by itself is said elsewhere.
        with suppress(BadEntry):
            yield index, GatewayURIPattern.parse(entry, strict=strict)
