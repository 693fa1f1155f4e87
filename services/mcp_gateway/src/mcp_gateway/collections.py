"""What the gateway keeps in the store: each collection with its name, lifetime, and whether it is sealed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from authproxy_common.clients.authentication import UsedAssertion
from authproxy_common.clients.documents import CachedDocument
from authproxy_common.records import Collection, SealingKeys, Store
from authproxy_common.records.slots import Slots
from mcp_gateway.domain.authorizations import AuthorizationCode, CodeUse, PendingConsent, PendingSignIn
from mcp_gateway.domain.consents import GivenConsent
from mcp_gateway.domain.grants import Ended, Epoch, Grant, Renewal, Rotation
from mcp_gateway.domain.identity_assertions import UsedIdentityAssertion
from mcp_gateway.domain.tokens import HandedOn, UpstreamToken
from mcp_gateway.settings import AdapterSettings, seconds

# For one browser; one more ends the oldest.
CONSENTS_KEPT = 32

T = TypeVar("T")

# Between the 12 seconds that the broker gives a question, and the 15 that a second caller waits for its answer.
_RENEWAL = timedelta(seconds=14)


@dataclass(frozen=True, slots=True)
class Collections:
    """All of them."""

    pending_consents: Collection[PendingConsent]
    given_consents: Slots[GivenConsent]
    sign_ins: Collection[PendingSignIn]
    codes: Collection[AuthorizationCode]
    code_uses: Collection[CodeUse]
    grants: Collection[Grant]
    rotations: Collection[Rotation]
    renewals: Collection[Renewal]
    ended: Collection[Ended]
    epochs: Collection[Epoch]
    handed_on: Collection[HandedOn]
    exchanged_tokens: Collection[UpstreamToken]
    used_assertions: Collection[UsedAssertion]
    client_documents: Collection[CachedDocument]
    client_key_sets: Collection[CachedDocument]
    configured_key_sets: Collection[CachedDocument]
    used_identity_assertions: Collection[UsedIdentityAssertion]
    issuer_documents: Collection[CachedDocument]

    @classmethod
    def of(cls, config: AdapterSettings, store: Store, keys: SealingKeys) -> "Collections":
        """In `store`, with the lifetimes of `config`."""
        sign_in = seconds(config.sign_in_ttl_seconds)
        code = seconds(config.authorization_code_ttl_seconds)
        # Marks about a grant must outlive it and its last access token, or a replay would look like a first use.
        grant = seconds(config.grant_ttl_seconds)
        # A grant under a withdrawn consent may be opened by a sign-in that was under way, and live on from there.
        mark = grant + sign_in + code + seconds(max(600, config.access_token_ttl_seconds))
        # A consent can be withdrawn for as long as anything is left of what was granted under it.
        given = seconds(config.consent_ttl_seconds) + mark

        def plain(kind: str, record: type[T], ttl: timedelta) -> Collection[T]:
            return Collection(store, f"mcp-gateway:{kind}", record, ttl)

        def sealed(kind: str, record: type[T], ttl: timedelta) -> Collection[T]:
            return Collection(store, f"mcp-gateway:{kind}", record, ttl, keys)

        return cls(
            pending_consents=sealed("consent", PendingConsent, sign_in),
            given_consents=Slots(
                sealed("given-consent", GivenConsent, given), CONSENTS_KEPT, lambda consent: consent.given_at
            ),
            sign_ins=sealed("sign-in", PendingSignIn, sign_in),
            codes=sealed("code", AuthorizationCode, code),
            code_uses=plain("code-use", CodeUse, 2 * code),
            grants=sealed("grant", Grant, grant),
            rotations=plain("rotation", Rotation, mark),
            renewals=plain("renewal", Renewal, _RENEWAL),
            ended=plain("ended", Ended, mark),
            epochs=plain("epoch", Epoch, mark),
            handed_on=sealed("handed-on", HandedOn, seconds(3600)),
            exchanged_tokens=sealed("exchanged-token", UpstreamToken, seconds(3600)),
            used_assertions=plain("used-assertion", UsedAssertion, seconds(3600)),
            client_documents=sealed("client-document", CachedDocument, seconds(300)),
            client_key_sets=sealed("client-key-set", CachedDocument, seconds(300)),
            configured_key_sets=sealed("configured-key-set", CachedDocument, seconds(300)),
            used_identity_assertions=plain("used-identity-assertion", UsedIdentityAssertion, seconds(3600)),
            issuer_documents=sealed("issuer-document", CachedDocument, seconds(300)),
        )
