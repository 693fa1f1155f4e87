"""What `auth-server doctor` looks at: Redis, this auth server under its public URL, and each provider."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from auth_server.composition.routes import CALLBACK, LOGIN, PREFIX
from auth_server.providers.discovery import Discovery, metadata_url
from auth_server.providers.kinds import has_discovery, vendor_of
from auth_server.settings import AuthServerSettings, ProviderSettings
from authproxy_common.doctor import Check, Failed, Skipped, Vantage, is_ours, json_object, shown
from authproxy_common.doctor.store import StoreExamination
from authproxy_common.errors import OAuthError, ServerError
from authproxy_common.frozen import frozen
from authproxy_common.http.client import Answer
from authproxy_common.uri import parse_http_uri


@asynccontextmanager
async def examined(settings: AuthServerSettings, vantage: Vantage) -> AsyncIterator[Sequence[Check]]:
    """Every check that these settings ask for."""
    store = StoreExamination.of("auth-server", settings.redis_url)
    ourselves = _Ourselves(settings, vantage)
    checks = [*store.checks(), Check("public_url", ourselves.answer)]
    for name, provider in settings.providers.items():
        examination = _ProviderExamination(name, provider, ourselves, vantage)
        if has_discovery(provider):
            discovery = Discovery(vendor_of(provider), vantage.http, vantage.now)
            exchanges = any(name in gateway.token_exchange for gateway in settings.gateways.values())
            checks += _DiscoveryExamination(examination, discovery, exchanges).checks()
        checks.append(Check(examination.named("redirect_uri"), examination.sends_browsers_back))
    try:
        yield checks
    finally:
        await store.aclose()


@frozen
class _Ourselves:
    """The auth server as browsers see it."""

    settings: AuthServerSettings
    vantage: Vantage

    async def answer(self) -> str:
        """It is what answers at its public URL."""
        await self.check_answers(self.settings.public_url + LOGIN)
        return f"this auth server answers at {self.settings.public_url}"

    async def check_answers(self, url: str) -> None:
        """Raises Failed unless an auth server answers at `url`, or Skipped.

        Without its parameters every page refuses, and says so in its own way.
        """
        answer = await self.vantage.get_public(url)
        expected = 400 if self.settings.offers_sign_in else 404
        if answer.status != expected or not is_ours(answer):
            raise Failed(
                f"something other than this auth server answers at {url} (status {answer.status})",
                f"let the ingress send {LOGIN}, {CALLBACK} and {PREFIX} of this host to the auth server, and restart "
                "it when its configuration has changed",
            )


@frozen
class _ProviderExamination:
    """One provider of any kind.

    Args:
        name: In the configuration.
        settings: Its own.
        ourselves: Where it sends browsers back to.
        vantage: From where is looked.
    """

    name: str
    settings: ProviderSettings
    ourselves: _Ourselves
    vantage: Vantage

    async def sends_browsers_back(self) -> str:
        """The redirect URI leads to this auth server, on the host where the browser's cookie is."""
        uri, key = parse_http_uri(self.settings.redirect_uri), f"providers.{self.name}.redirect_uri"
        public_url = self.ourselves.settings.public_url
        paths = [prefix + path for prefix in ("", PREFIX) for path in (CALLBACK, f"{CALLBACK}/{self.name}")]
        if uri.path not in paths or uri.query:
            raise Failed(
                f"no browser comes back to the path {uri.path}",
                f"{key} must end with {CALLBACK} or {CALLBACK}/{self.name}, here and where it is registered",
            )
        if uri.origin != parse_http_uri(public_url).origin:
            raise Failed(
                f"browsers begin at {public_url} and would come back to {uri.origin}, which does not know them",
                f"{key} and public_url must have the same scheme, host and port",
            )
        await self.ourselves.check_answers(self.settings.redirect_uri)
        return f"this auth server answers at {self.settings.redirect_uri}, which has to be registered with the provider"

    def named(self, what: str) -> str:
        """A check of this provider."""
        return f"provider {self.name} {what}"


@frozen
class _DiscoveryExamination:
    """What an OpenID provider says of itself.

    Args:
        provider: Whose.
        discovery: As the service reads it.
        exchanges: Whether tokens of it are exchanged for some gateway.
    """

    provider: _ProviderExamination
    discovery: Discovery
    exchanges: bool

    def checks(self) -> list[Check]:
        """What is examined."""
        metadata, issuer, endpoints = (self.provider.named(what) for what in ("metadata", "issuer", "endpoints"))
        return [
            Check(metadata, self.publishes_metadata),
            Check(issuer, self.is_the_issuer, needs=metadata),
            Check(endpoints, self.names_endpoints, needs=issuer),
            Check(self.provider.named("keys"), self.publishes_keys, needs=endpoints),
            Check(self.provider.named("clock"), self.agrees_on_the_time, needs=metadata),
            *([Check(self.provider.named("token exchange"), self.knows_the_grant, needs=metadata)] * self.exchanges),
        ]

    async def publishes_metadata(self) -> str:
        """Its discovery document can be had (Discovery §4)."""
        await self._document()
        return "can be read"

    async def is_the_issuer(self) -> str:
        """The document is that of the configured issuer, by the service's own rule (Discovery §4.3)."""
        configured = self.provider.settings.issuer
        try:
            await self.discovery.metadata()
        except ServerError:
            # The same is raised for unusable endpoints, which are not this check's.
            issuer = (await self._document()).get("issuer")
            if not self.discovery.vendor.is_own_metadata(issuer):
                raise Failed(
                    f"{configured} is configured, and the provider says that it is {shown(issuer)}",
                    f"if that is the one you mean, write it in providers.{self.provider.name}.issuer as the provider "
                    "does",
                ) from None
        return f"the provider is {configured}"

    async def names_endpoints(self) -> str:
        """Whatever the document names can be used."""
        try:
            await self.discovery.metadata()
        except OAuthError as error:
            raise Failed(
                error.description, "the provider has to publish https URLs for authorization, token and keys"
            ) from error
        return "usable"

    async def publishes_keys(self) -> str:
        """There is a key to check ID tokens with."""
        url = (await self.discovery.metadata()).jwks_uri
        remedy = "the provider has to publish there the keys that it signs ID tokens with"
        json_object(url, await self.provider.vantage.get(url, remedy=remedy), remedy=remedy)
        try:
            count = len((await self.discovery.keys()).keys)
        except OAuthError as error:
            raise Failed(f"{url}: {error.description}", remedy) from error
        if not count:
            raise Failed(f"{url} has no key that can be used", remedy)
        return f"{count} can be used"

    async def knows_the_grant(self) -> str:
        """Where it says which grants it has, the one that exchanges tokens is among them."""
        grant_type = self.discovery.vendor.exchange_grant
        offered = (await self._document()).get("grant_types_supported")
        if not isinstance(offered, list):
            raise Skipped("the provider does not say which grants it has; a call shows whether it exchanges tokens")
        if grant_type not in offered:
            raise Failed(
                f"the provider does not have the grant {grant_type}",
                "switch it on there, or take the provider out of token_exchange of all gateways",
            )
        return "the provider has the grant; whether this client may use it, a call shows"

    async def agrees_on_the_time(self) -> str:
        """What it signs now is neither old nor of the future here."""
        return self.provider.vantage.check_clock(await self._answer())

    async def _document(self) -> dict[str, Any]:
        return json_object(self._metadata_url(), await self._answer(), remedy=self._remedy())

    async def _answer(self) -> Answer:
        return await self.provider.vantage.get(self._metadata_url(), remedy=self._remedy())

    def _metadata_url(self) -> str:
        return metadata_url(self.provider.settings.issuer)

    def _remedy(self) -> str:
        return (
            f"open the address in a browser: providers.{self.provider.name}.issuer must be right, and this machine "
            "must reach it"
        )
