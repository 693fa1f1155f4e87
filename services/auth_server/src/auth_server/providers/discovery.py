"""What a provider says of itself (OpenID Connect Discovery 1.0), cached."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar, cast

import anyio
import httpx
from joserfc.jwk import Key, KeySet

from auth_server.providers.asking import DEADLINE, ask_provider, json_of
from auth_server.providers.vendor import Vendor
from authproxy_common.clients.key_sets import readable_key
from authproxy_common.clock import Clock
from authproxy_common.errors import OAuthError, ServerError, TemporarilyUnavailable
from authproxy_common.frozen import frozen
from authproxy_common.uri import MalformedURI, parse_http_uri

_METADATA_KEPT = timedelta(hours=1)
_KEYS_KEPT = timedelta(hours=1)
# A token with an unknown `kid` may mean new keys, or a stranger who likes us to fetch.
_KEYS_REFETCHED_AFTER = timedelta(seconds=30)
# Less than the caller's own bound, so that it is the fetch that fails and everybody who waits hears of it.
_FETCHED_WITHIN = DEADLINE - timedelta(seconds=0.5)
# For a document whose predecessor would do, until it is a day old.
_WORTH_WAITING = timedelta(seconds=3)
_USABLE = timedelta(days=1)
_FAILURE_SHARED = timedelta(seconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
# Far more than any provider publishes, and few enough to be read at once.
_MAX_KEYS = 200
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_REVOCATION, _USER_INFO = "revocation_endpoint", "userinfo_endpoint"


@frozen
class ProviderMetadata:
    """The members of the discovery document that we use."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    revocation_endpoint: str | None
    userinfo_endpoint: str | None
    token_endpoint_auth_methods: list[str]
    assertion_algorithms: list[str]
    id_token_signing_algorithms: list[str]
    scopes: list[str] | None
    sends_issuer: bool

    @classmethod
    def from_json(cls, body: Any, vendor: Vendor) -> "ProviderMetadata":
        """Raises ServerError unless it is the configured issuer's own and names usable endpoints."""
        issuer = vendor.settings.issuer
        if not isinstance(body, dict) or not vendor.is_own_metadata(body.get("issuer")):
            raise ServerError("the identity provider's metadata is not that of the configured issuer")
        for name in _ENDPOINTS:
            _check_endpoint(body.get(name), issuer)
        for name in (_REVOCATION, _USER_INFO):
            if body.get(name) is not None:
                _check_endpoint(body[name], issuer)
        return cls(
            authorization_endpoint=body["authorization_endpoint"],
            token_endpoint=body["token_endpoint"],
            jwks_uri=body["jwks_uri"],
            revocation_endpoint=body.get(_REVOCATION),
            userinfo_endpoint=body.get(_USER_INFO),
            token_endpoint_auth_methods=_texts(body, "token_endpoint_auth_methods_supported", "client_secret_basic"),
            assertion_algorithms=_texts(body, "token_endpoint_auth_signing_alg_values_supported"),
            id_token_signing_algorithms=_texts(body, "id_token_signing_alg_values_supported", "RS256"),
            scopes=_texts(body, "scopes_supported") if isinstance(body.get("scopes_supported"), list) else None,
            sends_issuer=body.get("authorization_response_iss_parameter_supported") is True,
        )


T = TypeVar("T")


@dataclass(slots=True)
class Cached(Generic[T]):
    """A document that is fetched when needed, by one caller at a time, and read by all others meanwhile.

    A failure is everybody's for a moment, so that callers who queue behind a provider that is down do not each wait
    for it in turn; a document past its time is better than none.
    """

    fetch: Callable[[], Awaitable[T]]
    now: Clock
    value: T | None = None
    fetched_at: datetime = _NEVER
    failure: OAuthError | None = None
    failed_at: datetime = _NEVER
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, kept: timedelta) -> T:
        """The document, not older than `kept` where it can be had; raises what the fetch raised."""
        if self.value is not None and self.now() < self.fetched_at + kept:
            return self.value
        async with self.lock:
            if self.value is not None and self.now() < self.fetched_at + kept:
                return self.value
            return await self._refetched()

    async def _refetched(self) -> T:
        if self.failure is None or self.now() >= self.failed_at + _FAILURE_SHARED:
            await self._fetch()
        if self.failure is not None and (self.value is None or self.now() >= self.fetched_at + _USABLE):
            raise self.failure
        return cast("T", self.value)

    async def _fetch(self) -> None:
        bound = _FETCHED_WITHIN if self.value is None else _WORTH_WAITING
        try:
            with anyio.fail_after(bound.total_seconds()):
                self.value, self.fetched_at, self.failure = await self.fetch(), self.now(), None
        except OAuthError as error:
            self.failure, self.failed_at = error, self.now()
        except TimeoutError:
            self.failed_at = self.now()
            self.failure = TemporarilyUnavailable(
                "the identity provider did not answer in time", dependency="identity provider"
            )


@frozen
class Discovery:
    """The metadata and keys of one issuer."""

    vendor: Vendor
    http: httpx.AsyncClient
    now: Clock
    _metadata: "Cached[ProviderMetadata]" = field(init=False)
    _keys: "Cached[KeySet]" = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_metadata", Cached(self._fetch_metadata, self.now))
        object.__setattr__(self, "_keys", Cached(self._fetch_keys, self.now))

    async def metadata(self) -> ProviderMetadata:
        """Raises TemporarilyUnavailable or ServerError."""
        return await self._metadata.get(_METADATA_KEPT)

    async def key(self, key_id: str | None) -> Key:
        """The key called `key_id`; the only one there is where a token names none.

        Raises:
            ServerError: There is no such key, also after the keys were fetched again.
            TemporarilyUnavailable: They could not be fetched.
        """
        for kept in (_KEYS_KEPT, _KEYS_REFETCHED_AFTER):
            if found := _find(await self._keys.get(kept), key_id):
                return found
        raise ServerError("the ID token is signed with a key that the identity provider does not publish")

    async def keys(self) -> KeySet:
        """All of a kind that we can use; raises as `metadata` does."""
        return await self._keys.get(_KEYS_KEPT)

    async def _fetch_metadata(self) -> ProviderMetadata:
        url = metadata_url(self.vendor.settings.issuer)
        return ProviderMetadata.from_json(await self._get_json(url, "metadata"), self.vendor)

    async def _fetch_keys(self) -> KeySet:
        body = await self._get_json((await self.metadata()).jwks_uri, "key set")
        if not isinstance(body, dict) or not isinstance(body.get("keys"), list):
            raise ServerError("the identity provider's key set is not one")
        if len(body["keys"]) > _MAX_KEYS:
            raise ServerError(f"the identity provider's key set has more than {_MAX_KEYS} keys")
        keys = [key for jwk in body["keys"] if (key := readable_key(jwk)) is not None]
        return KeySet(keys)

    async def _get_json(self, url: str, source: str) -> Any:
        answer = await ask_provider(self.http, httpx.Request("GET", url, headers={"Accept": "application/json"}))
        if answer.status != 200:
            raise ServerError(f"the identity provider answered {answer.status} to a request for its {source}")
        return json_of(answer, source)


def metadata_url(issuer: str) -> str:
    """Where an issuer's discovery document is (Discovery §4.1)."""
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def _find(keys: KeySet, key_id: str | None) -> Key | None:
    if key_id is None:
        return keys.keys[0] if len(keys.keys) == 1 else None
    return next((key for key in keys.keys if key.kid == key_id), None)


def _check_endpoint(value: Any, issuer: str) -> None:
    try:
        uri = parse_http_uri(value if isinstance(value, str) else "")
    except MalformedURI as error:
        raise ServerError("the identity provider's metadata lacks a usable endpoint") from error
    if uri.scheme != "https" and issuer.startswith("https://"):
        raise ServerError("the identity provider's metadata has an endpoint without TLS")


def _texts(body: dict[str, Any], name: str, *default: str) -> list[str]:
    value = body.get(name)
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else [*default]
