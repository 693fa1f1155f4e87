"""Assertions of who calls, for one MCP server: signed like access tokens, and never to be taken for one.

They differ in type (RFC 8725 §3.11), in audience, and in the claims that have to be there (§3.12).
"""

from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt

from authproxy_common.clock import Clock
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret, mint
from mcp_gateway.domain.people import KnownCaller
from mcp_gateway.domain.tokens import ActiveToken
from mcp_gateway.tokens.signing_keys import ALGORITHM, SigningKeys

TYPE = "caller-assertion+jwt"


@frozen
class CallerAssertions:
    """Makes this issuer's assertions for one MCP server.

    Args:
        issuer: Our issuer identifier.
        audience: A name of the server that is none of ours.
        keys: The signing ring, whose public halves are published.
        ttl: How long an assertion lives.
        now: The clock.
    """

    issuer: str
    audience: str
    keys: SigningKeys
    ttl: timedelta
    now: Clock

    def issue(self, caller: KnownCaller, token: ActiveToken) -> tuple[Secret, datetime]:
        """The assertion, and until when it is sent: for half of its life, so that wherever it goes it is good yet."""
        now = self.now()
        issued_at = int(now.timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": caller.subject,
            "aud": self.audience,
            "client_id": token.client_id,
            "scope": " ".join(sorted(token.scope)),
            "iat": issued_at,
            "exp": issued_at + int(self.ttl.total_seconds()),
            "jti": mint(),
        }
        claims |= {"email": caller.email, "email_verified": True} if caller.email else {}
        claims |= {"groups": list(caller.groups)} if caller.groups is not None else {}
        claims |= {"groups_overage": True} if caller.has_more_groups else {}
        signing = self.keys.signing(now)
        header = {"alg": ALGORITHM, "kid": signing.kid, "typ": TYPE}
        return Secret(jwt.encode(header, claims, signing.key)), now + self.ttl / 2
