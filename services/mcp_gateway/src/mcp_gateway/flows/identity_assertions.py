"""Assertions of trusted issuers: read, believed, and used once (RFC 7523 §3, MCP enterprise-managed authorization)."""

from collections.abc import Mapping
from datetime import timedelta

from authproxy_common.clients.signed_jwts import InvalidJWT, signed_jwt, unverified_claims, verified_with
from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidGrant, TemporarilyUnavailable
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.records import Collection
from authproxy_common.secret import digest
from mcp_gateway.domain.identity_assertions import IdentityAssertion, TrustedIssuer, UsedIdentityAssertion
from mcp_gateway.flows.ports import IssuerKeys

# What the leeway allows an assertion to outlive itself by, and more.
_REMEMBERED_LONGER = timedelta(minutes=5)


@frozen
class IdentityAssertions:
    """Those of every trusted issuer.

    Args:
        issuers: By issuer identifier and tenant.
        keys: Where theirs are.
        audiences: Our own names, as they may stand in `aud`.
        used: Which were used; each is good once, at one replica.
        now: The clock.
        events: Hears of replays, and of issuers whose keys cannot be had.
    """

    issuers: Mapping[tuple[str, str], TrustedIssuer]
    keys: IssuerKeys
    audiences: frozenset[str]
    used: Collection[UsedIdentityAssertion]
    now: Clock
    events: Events

    async def verified(self, value: str, client_id: str) -> IdentityAssertion:
        """What the assertion says.

        Raises:
            InvalidGrant: It is not one that this client may present here now.
            TemporarilyUnavailable: Its issuer's keys cannot be had.
        """
        issuer = self._issuer(value, client_id)
        try:
            signed = await verified_with(self.keys.of(issuer), lambda jwks: signed_jwt(value, jwks))
        except InvalidJWT as error:
            raise InvalidGrant("the assertion is not signed with a key of its issuer") from error
        except TemporarilyUnavailable as error:
            self.events.alarm("issuer_keys_unavailable", issuer=issuer.name, dependency=error.dependency)
            raise
        assertion = IdentityAssertion.from_jwt(issuer, signed.header, signed.claims)
        assertion.check(client_id, self.audiences, self.now())
        return assertion

    async def spend(self, assertion: IdentityAssertion) -> None:
        """Use it up; raises InvalidGrant for every caller but the first."""
        # By the issuer's digest, which has one length: of two issuers and jtis no two can be written the same.
        key = f"{digest(assertion.issuer.issuer)} {assertion.jti}"
        lifetime = assertion.expires_at - self.now() + _REMEMBERED_LONGER
        if await self.used.claim(key, UsedIdentityAssertion(), lifetime) is not None:
            self.events.alarm("identity_assertion_replayed", issuer=assertion.issuer.name)
            raise InvalidGrant("the assertion was used before; ask its issuer for another one")

    def _issuer(self, value: str, client_id: str) -> TrustedIssuer:
        """By what the assertion claims, which is believed when the key is that issuer's."""
        try:
            claims = unverified_claims(value)
        except InvalidJWT as error:
            raise InvalidGrant("the assertion is no signed JWT") from error
        iss, tenant = claims.get("iss"), claims.get("tenant", "")
        issuer = self.issuers.get((iss, tenant)) if isinstance(iss, str) and isinstance(tenant, str) else None
        # Nobody is told which of the two it is.
        if issuer is None or client_id not in issuer.clients:
            raise InvalidGrant("assertions of this issuer are not taken from this client")
        return issuer
