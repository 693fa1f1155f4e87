"""What the auth server keeps in the store: each collection with its name, lifetime, and whether it is sealed."""

from datetime import timedelta
from typing import TypeVar

from auth_server.domain.sign_ins import GatewayCode, PostedAnswer, SignInAttempt
from auth_server.settings import AuthServerSettings
from authproxy_common.clients.authentication import UsedAssertion
from authproxy_common.clients.documents import CachedDocument
from authproxy_common.exchange import SignIn
from authproxy_common.frozen import frozen
from authproxy_common.records import Collection, SealingKeys, Store
from authproxy_common.records.described import described

T = TypeVar("T")

# A browser follows a redirect at once.
_POSTED = timedelta(minutes=1)
# A gateway asks again at another replica when it gives up on the one that was killed while it asked.
_RENEWED = timedelta(minutes=1)


@frozen
class Collections:
    """All of them."""

    attempts: Collection[SignInAttempt] = described(
        "`state`, as the provider gets it",
        lifetime="`session.timeout` ({ttl})",
        written="`put` at `/login`",
        used="`take` at `/callback`",
    )
    posted: Collection[PostedAnswer] = described(
        "a handle in the redirect that follows",
        lifetime="{ttl}",
        written="`put` at `POST /callback`",
        used="`take` at `GET /callback`",
    )
    codes: Collection[GatewayCode] = described(
        "the gateway code",
        lifetime="`proxy_oauth.gateway_code_ttl_seconds` ({ttl})",
        written="`put` at `/callback`",
        used="`take` at `/gateway-oauth/exchange`",
    )
    renewed: Collection[SignIn] = described(
        "the provider's name and the refresh token that was used up",
        lifetime="{ttl}",
        written="`put` at `/gateway-oauth/refresh`",
        used="`get` there, when the same is asked again",
    )
    used_assertions: Collection[UsedAssertion] = described(
        "the gateway's name and the assertion's `jti`",
        lifetime="five minutes longer than the assertion",
        written="`claim` at a call of a gateway that authenticates by a key",
        used="by the `claim` of a second use",
    )
    key_sets: Collection[CachedDocument] = described(
        "a gateway's `jwks_uri`",
        lifetime="as its headers say, a day at most",
        written="`put` when it is fetched",
        used="`get` at a call of such a gateway",
    )

    @classmethod
    def of(cls, settings: AuthServerSettings, store: Store, keys: SealingKeys) -> "Collections":
        """In `store`, with the lifetimes of `settings`."""

        def sealed(kind: str, record: type[T], ttl: timedelta) -> Collection[T]:
            return Collection(store, f"auth-server:{kind}", record, ttl, keys)

        return cls(
            attempts=sealed("sign-in-attempt", SignInAttempt, settings.sign_in_ttl),
            posted=sealed("posted-answer", PostedAnswer, _POSTED),
            codes=sealed("gateway-code", GatewayCode, settings.gateway_code_ttl),
            renewed=sealed("renewed", SignIn, _RENEWED),
            used_assertions=Collection(store, "auth-server:used-assertion", UsedAssertion, timedelta(hours=1)),
            key_sets=sealed("key-set", CachedDocument, timedelta(minutes=5)),
        )
