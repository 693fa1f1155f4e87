"""Access tokens (RFC 9068): issued for one MCP server, verified without asking anybody."""

from datetime import UTC, datetime, timedelta

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError

from authproxy_common.clock import Clock
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret, mint
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.tokens import ActiveToken, InvalidAccessToken
from mcp_gateway.tokens.signing_keys import ALGORITHM, SigningKeys

_TYPE = "at+jwt"


@frozen
class AccessTokens:
    """Makes and verifies this issuer's access tokens.

    Args:
        issuer: Our issuer identifier.
        keys: The signing ring.
        ttl: How long a token lives.
        now: The clock.
    """

    issuer: str
    keys: SigningKeys
    ttl: timedelta
    now: Clock

    async def issue(self, grant: Grant) -> tuple[Secret, timedelta]:
        """A token for the grant, and how long it lives."""
        now = self.now()
        issued_at = int(now.timestamp())
        claims = {
            "iss": self.issuer,
            "sub": grant.subject,
            "aud": grant.resource,
            "client_id": grant.client_id,
            "scope": " ".join(grant.scope),
            "iat": issued_at,
            "exp": issued_at + int(self.ttl.total_seconds()),
            "jti": mint(),
            "grant_id": grant.grant_id,
        }
        if grant.consent_id:
            claims["consent_id"] = grant.consent_id
        signing = self.keys.signing(now)
        header = {"alg": ALGORITHM, "kid": signing.kid, "typ": _TYPE}
        return Secret(jwt.encode(header, claims, signing.key)), self.ttl

    async def verify(self, access_token: str) -> ActiveToken:
        """What the token says.

        The algorithm and the keys are ours, never the token's choice (RFC 8725 §3.1). Which server the token is for
        is the caller's to check: it knows which one was called.

        Raises InvalidAccessToken.
        """
        try:
            token = jwt.decode(access_token, self.keys.ring, algorithms=[ALGORITHM])
            self._registry().validate(token.claims)
            claims = msgspec.convert(token.claims, _Claims)
            issued_at, expires_at = (datetime.fromtimestamp(moment, UTC) for moment in (claims.iat, claims.exp))
        except (JoseError, msgspec.ValidationError, ValueError, TypeError, OverflowError) as error:
            raise InvalidAccessToken("the access token is invalid or has expired") from error
        if str(token.header.get("typ", "")).lower() not in {_TYPE, f"application/{_TYPE}"}:
            raise InvalidAccessToken("this is no access token")
        return ActiveToken(
            subject=claims.sub,
            client_id=claims.client_id,
            resource=claims.aud,
            scope=frozenset(claims.scope.split()),
            grant_id=claims.grant_id,
            consent_id=claims.consent_id,
            token_id=claims.jti,
            issued_at=issued_at,
            expires_at=expires_at,
            good_until=expires_at,
        )

    def _registry(self) -> jwt.JWTClaimsRegistry:
        now = int(self.now().timestamp())
        return jwt.JWTClaimsRegistry(now, iss={"essential": True, "value": self.issuer})


@frozen
class _Claims:
    """Each of its type, and all but the last must be there (RFC 9068 §2.2); the registry checks what they say."""

    sub: str
    aud: str
    client_id: str
    scope: str
    exp: int
    iat: int
    jti: str
    grant_id: str
    consent_id: str | None = None
