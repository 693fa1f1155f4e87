"""What the gateway keeps in the store: each collection with its name, lifetime, and whether it is sealed."""

from datetime import timedelta
from typing import TypeVar

from authproxy_common.clients.authentication import UsedAssertion
from authproxy_common.clients.documents import CachedDocument
from authproxy_common.frozen import frozen
from authproxy_common.records import Collection, SealingKeys, Store
from authproxy_common.records.described import described
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


@frozen
class Collections:
    """All of them."""

    pending_consents: Collection[PendingConsent] = described(
        "`consent_id` in the page's form",
        lifetime="`sign_in_ttl_seconds` ({ttl})",
        written="`put` at `/oauth/authorize`",
        used="`get` at `/oauth/consent`",
    )
    given_consents: Slots[GivenConsent] = described(
        f"the browser's cookie and a place from 0 to {CONSENTS_KEPT - 1}",
        lifetime="`consent_ttl_seconds` and as long as anything granted may live ({ttl})",
        written="`claim` at `/oauth/consent`; `put` when it is given again",
        used="`get` at `/oauth/authorize` and `/account/consents`; `take` when it is withdrawn, or makes room",
    )
    sign_ins: Collection[PendingSignIn] = described(
        "`state`, as the auth server gets it",
        lifetime="`sign_in_ttl_seconds` ({ttl})",
        written="`put` at `/oauth/consent`, or at `/oauth/authorize` where nobody has to be asked",
        used="`take` at `/oauth/callback`",
    )
    codes: Collection[AuthorizationCode] = described(
        "the authorization code",
        lifetime="`authorization_code_ttl_seconds` ({ttl})",
        written="`put` at `/oauth/callback`",
        used="`get` at `/oauth/token`, which claims its use",
    )
    code_uses: Collection[CodeUse] = described(
        "the authorization code",
        lifetime="twice `authorization_code_ttl_seconds` ({ttl})",
        written="`claim` at `/oauth/token`",
        used="by the `claim` of a second use, which ends the grant",
    )
    grants: Collection[Grant] = described(
        "the grant's id",
        lifetime="`grant_ttl_seconds` ({ttl}); without a sign-in a minute longer than its token",
        written="`put` at `/oauth/token`, and whenever the provider was asked",
        used="`get` at `/oauth/token` and at calls; `take` when it ends",
    )
    rotations: Collection[Rotation] = described(
        "the grant's id and the generation of its refresh token",
        lifetime="until nothing of the grant can be used ({ttl})",
        written="`claim` at `/oauth/token`",
        used="by the `claim` of a second use",
    )
    renewals: Collection[Renewal] = described(
        "the grant's id",
        lifetime="{ttl}",
        written="`claim` before the provider is asked",
        used="`take` when it has answered",
    )
    ended: Collection[Ended] = described(
        "the grant's id, or that of a withdrawn consent",
        lifetime="until nothing under it can be used ({ttl})",
        written="`put` when it ends",
        used="`get` at calls and at `/oauth/token`",
    )
    epochs: Collection[Epoch] = described(
        "one constant: there is one record",
        lifetime="as marks of ended grants ({ttl})",
        written="`put` when a grant ends",
        used="`get` once a second by every replica that is called",
    )
    handed_on: Collection[HandedOn] = described(
        "the provider's access token, in `token_mode: passthrough`",
        lifetime="what is left of the token's life",
        written="`put` at `/oauth/token`",
        used="`get` at calls",
    )
    exchanged_tokens: Collection[UpstreamToken] = described(
        "the grant's id, the MCP server's name and what is asked for it",
        lifetime="until a minute before the token ends",
        written="`put` at a call",
        used="`get` at a call",
    )
    used_assertions: Collection[UsedAssertion] = described(
        "the client's id and the assertion's `jti`",
        lifetime="five minutes longer than the assertion",
        written="`claim` wherever a client authenticates by a key",
        used="by the `claim` of a second use",
    )
    client_documents: Collection[CachedDocument] = described(
        "the URL of a client's metadata document",
        lifetime="as its headers say, a day at most",
        written="`put` when it is fetched",
        used="`get` when the client is looked up",
    )
    client_key_sets: Collection[CachedDocument] = described(
        "a `jwks_uri` that a metadata document names",
        lifetime="as its headers say, a day at most",
        written="`put` when it is fetched",
        used="`get` when the client authenticates",
    )
    configured_key_sets: Collection[CachedDocument] = described(
        "a `jwks_uri` in `clients`",
        lifetime="as its headers say, a day at most",
        written="`put` when it is fetched",
        used="`get` when the client authenticates",
    )
    used_identity_assertions: Collection[UsedIdentityAssertion] = described(
        "the issuer and the assertion's `jti`",
        lifetime="five minutes longer than the assertion",
        written="`claim` at `/oauth/token`",
        used="by the `claim` of a second use",
    )
    issuer_documents: Collection[CachedDocument] = described(
        "the URL of a trusted issuer's metadata, or of its key set",
        lifetime="as its headers say, a day at most",
        written="`put` when it is fetched",
        used="`get` at `/oauth/token`",
    )

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
