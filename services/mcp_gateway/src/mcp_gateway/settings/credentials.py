"""`servers.NAME.credentials`: what an MCP server is told of its callers, and what each way of telling needs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from urllib.parse import urlsplit

from authproxy_common.config import checks, setting
from authproxy_common.exchange import ExchangeTarget
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret
from mcp_gateway.domain.header_names import added_problem, assertion_problem, folded, forwarded_problem

WAYS = NONE, IDENTITY, PROVIDER_TOKEN, TOKEN_EXCHANGE, STATIC = (
    "none identity provider_token token_exchange static".split()
)
ASSERTION_HEADER = "X-Forwarded-Jwt-Assertion"

_SHORTEST, _LONGEST = 10, 120
_TEXT = re.compile(r"[\x21-\x7e]+")
_SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")


def _is_short_lived(value: int) -> str | None:
    return None if _SHORTEST <= value <= _LONGEST else f"must be between {_SHORTEST} and {_LONGEST}"


def _is_text(value: str) -> str | None:
    return None if _TEXT.fullmatch(value) else "must be ASCII without spaces"


def _is_resource(value: str) -> str | None:
    try:
        parts = urlsplit(value)
    except ValueError:
        return "is no URI"
    is_one = _TEXT.fullmatch(value) and parts.scheme and "#" not in value
    return None if is_one else "must be an absolute URI without a fragment (RFC 8693 §2.1)"


def _are_scopes(value: str) -> str | None:
    return None if _SCOPES.fullmatch(value) else "must be scopes with one space between two (RFC 6749 §3.3)"


@frozen(kw_only=True)
class IdentitySettings:
    """`identity`: who calls, in headers and in a signed assertion."""

    audience: str = setting("", check=_is_text)
    assertion_header: str = setting(ASSERTION_HEADER, check=assertion_problem)
    assertion_ttl_seconds: int = setting(60, check=_is_short_lived)


@frozen(kw_only=True)
class ProviderTokenSettings:
    """`provider_token`: the person's own token of the provider."""

    provider: str = setting("")


@frozen(kw_only=True)
class TokenExchangeSettings:
    """`token_exchange`: a token that the provider gives for that one (RFC 8693)."""

    provider: str = setting("")
    audience: str = setting("", check=_is_text)
    resource: str = setting("", check=_is_resource)
    scope: str = setting("", check=_are_scopes)

    @property
    def target(self) -> ExchangeTarget:
        """For which service, as the auth server is asked."""
        return ExchangeTarget(self.audience or None, self.resource or None, self.scope or None)


@frozen(kw_only=True)
class CredentialSettings:
    """The keys of one server that say what it learns."""

    credentials: str = setting(NONE, check=checks.is_one_of(*WAYS))
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    provider_token: ProviderTokenSettings = field(default_factory=ProviderTokenSettings)
    token_exchange: TokenExchangeSettings = field(default_factory=TokenExchangeSettings)
    static_headers: dict[str, Secret] = setting({})
    forward_headers: tuple[str, ...] = setting(())

    @property
    def provider(self) -> str | None:
        """The provider that the server names, empty where it names none; None where it is told no provider's tokens."""
        blocks = {PROVIDER_TOKEN: self.provider_token.provider, TOKEN_EXCHANGE: self.token_exchange.provider}
        return blocks.get(self.credentials)

    def credential_problems(self) -> Iterator[tuple[str, str]]:
        """What the way of telling lacks, what there is of other ways, and headers that cannot be sent."""
        yield from self._of_other_ways()
        if self.credentials == STATIC and not self.static_headers:
            yield "static_headers", f"is needed for credentials: {STATIC}"
        if self.credentials == TOKEN_EXCHANGE and not self.token_exchange.target.services:
            yield "token_exchange.audience", "is needed, or resource, or scope: for which service tokens are asked for"
        yield from self._unusable_headers()

    def _of_other_ways(self) -> Iterator[tuple[str, str]]:
        blocks: Mapping[str, tuple[str, bool]] = {
            "identity": (IDENTITY, self.identity != IdentitySettings()),
            "provider_token": (PROVIDER_TOKEN, self.provider_token != ProviderTokenSettings()),
            "token_exchange": (TOKEN_EXCHANGE, self.token_exchange != TokenExchangeSettings()),
            "static_headers": (STATIC, bool(self.static_headers)),
        }
        for key, (way, is_there) in blocks.items():
            if is_there and way != self.credentials and self.credentials in WAYS:
                yield key, f"is of use with credentials: {way} alone; they are {self.credentials}"

    def _unusable_headers(self) -> Iterator[tuple[str, str]]:
        taken = {folded(self.identity.assertion_header)} if self.credentials == IDENTITY else set()
        for name, value in self.static_headers.items():
            is_taken = folded(name) in taken
            if problem := added_problem(name) or ("is there twice" if is_taken else _value_problem(value)):
                yield f"static_headers.{name}", problem
            taken.add(folded(name))
        for index, name in enumerate(self.forward_headers):
            is_taken = folded(name) in taken
            if problem := forwarded_problem(name) or (
                "is there twice, or is sent by this gateway" if is_taken else None
            ):
                yield f"forward_headers[{index}]", problem
            taken.add(folded(name))


@frozen(kw_only=True)
class Circumstances:
    """What else the configuration says, as far as it decides what a server can learn.

    Args:
        public_url: Our issuer identifier.
        asks: Whether anybody is asked who they are.
        hands_on: Whether clients hold the provider's tokens themselves.
        provider: The one that people come from; empty where it may be any.
        authenticates: Whether the auth server knows this gateway by a secret.
    """

    public_url: str
    asks: bool
    hands_on: bool
    provider: str
    authenticates: bool

    def problems(self, servers: Mapping[str, CredentialSettings]) -> Iterator[tuple[str, str]]:
        """What does not go together with it, by key."""
        for name, server in servers.items():
            for key, problem in (*self._of_provider_tokens(server), *self._of_audience(server)):
                yield f"servers.{name}.{key}", problem

    def _of_provider_tokens(self, server: CredentialSettings) -> Iterator[tuple[str, str]]:
        way, provider = server.credentials, server.provider
        if provider is None:
            return
        if not self.asks:
            yield "credentials", f"{way} needs enable_auth: without it nobody signs in at a provider"
        if way == PROVIDER_TOKEN and self.hands_on:
            yield "credentials", f"{way} would send the client's own token on, which token_mode passthrough gives it"
        if way == TOKEN_EXCHANGE and not self.authenticates:
            yield (
                "credentials",
                f"{way} needs external_auth_gateway_name and its secret: no one else may exchange tokens",
            )
        if not provider and not self.provider:
            yield f"{way}.provider", "is needed where external_auth_provider names none: people may come from several"
        if provider and self.provider and provider != self.provider:
            yield f"{way}.provider", "is not external_auth_provider, the only one that people come from"

    def _of_audience(self, server: CredentialSettings) -> Iterator[tuple[str, str]]:
        # What is for this gateway is an access token, and an assertion must never look like one.
        if server.identity.audience and f"{server.identity.audience}/".startswith(f"{self.public_url}/"):
            yield "identity.audience", "is of this gateway itself; it must be a name of the MCP server behind it"


def _value_problem(value: Secret) -> str | None:
    is_one = _VALUE.fullmatch(value.reveal())
    return None if is_one else "must be printable ASCII, and not be empty, nor begin or end with a space"
