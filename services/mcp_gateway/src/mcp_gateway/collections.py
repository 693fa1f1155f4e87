"""What the gateway keeps in the store: each collection with its name, lifetime, and whether it is sealed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from authproxy_common.records import Collection, SealingKeys, Store
from mcp_gateway.domain.authorizations import AuthorizationCode, CodeUse, PendingConsent, PendingSignIn
from mcp_gateway.domain.grants import Ended, Epoch, Grant, Renewal, Rotation
from mcp_gateway.settings import AdapterSettings, seconds

T = TypeVar("T")

# Between the 12 seconds that the broker gives a question, and the 15 that a second caller waits for its answer.
_RENEWAL = timedelta(seconds=14)


@dataclass(frozen=True, slots=True)
class Collections:
    """All of them."""

    consents: Collection[PendingConsent]
    sign_ins: Collection[PendingSignIn]
    codes: Collection[AuthorizationCode]
    code_uses: Collection[CodeUse]
    grants: Collection[Grant]
    rotations: Collection[Rotation]
    renewals: Collection[Renewal]
    ended: Collection[Ended]
    epochs: Collection[Epoch]

    @classmethod
    def of(cls, config: AdapterSettings, store: Store, keys: SealingKeys) -> "Collections":
        """In `store`, with the lifetimes of `config`."""
        sign_in = seconds(config.sign_in_ttl_seconds)
        code = seconds(config.authorization_code_ttl_seconds)
        # Marks about a grant must outlive it and its last access token, or a replay would look like a first use.
        grant = seconds(config.grant_ttl_seconds)
        mark = grant + seconds(max(600, config.access_token_ttl_seconds))

        def plain(kind: str, record: type[T], ttl: timedelta) -> Collection[T]:
            return Collection(store, f"mcp-gateway:{kind}", record, ttl)

        def sealed(kind: str, record: type[T], ttl: timedelta) -> Collection[T]:
            return Collection(store, f"mcp-gateway:{kind}", record, ttl, keys)

        return cls(
            consents=sealed("consent", PendingConsent, sign_in),
            sign_ins=sealed("sign-in", PendingSignIn, sign_in),
            codes=sealed("code", AuthorizationCode, code),
            code_uses=plain("code-use", CodeUse, 2 * code),
            grants=sealed("grant", Grant, grant),
            rotations=plain("rotation", Rotation, mark),
            renewals=plain("renewal", Renewal, _RENEWAL),
            ended=plain("ended", Ended, mark),
            epochs=plain("epoch", Epoch, mark),
        )
