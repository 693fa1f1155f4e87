"""ID token validation (OpenID Connect Core §3.1.3.7)."""

from typing import Any

from joserfc import jws, jwt
from joserfc.errors import ClaimError, JoseError

from auth_server.providers.discovery import Discovery
from authproxy_common.clock import Clock
from authproxy_common.errors import ServerError, TemporarilyUnavailable
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret
from authproxy_common.text import check_unicode

# Signed by the provider's own key, never with a shared secret, never `none` (RFC 8725 §3.1).
_ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
_LEEWAY_SECONDS = 60


@frozen
class IDTokenValidator:
    """Validates the ID tokens that one issuer issues to one client."""

    discovery: Discovery
    client_id: str
    now: Clock

    async def validate(self, id_token: Secret, nonce: Secret | None) -> dict[str, Any]:
        """The claims; `nonce` is None for a token that came with a refresh (§12.2).

        Raises:
            ServerError: The token is not one that this issuer made for this client and this sign-in.
            TemporarilyUnavailable: The issuer's keys could not be fetched.
        """
        claims = await self._checked(id_token.reveal(), {"aud": {"essential": True, "value": self.client_id}})
        self._check_audience(claims)
        offered = claims.get("nonce")
        if nonce is not None and not (isinstance(offered, str) and nonce.matches(offered)):
            raise ServerError("the ID token was not issued for this sign-in")
        if not claims["sub"]:
            raise ServerError("the ID token names nobody")
        return claims

    async def access_token_claims(self, access_token: Secret, subject: str) -> dict[str, Any]:
        """The claims of an access token that is a JWT of the same issuer for the same person and client; else none."""
        try:
            claims = await self._checked(access_token.reveal(), {})
        except (ServerError, TemporarilyUnavailable):
            return {}
        return claims if (claims["sub"], claims.get("azp")) == (subject, self.client_id) else {}

    async def _checked(self, token: str, further: dict[str, Any]) -> dict[str, Any]:
        try:
            claims, key_issuer = await self._signed_claims(token)
            self._registry(further).validate(claims)
            check_unicode(claims)
        except ClaimError as error:
            raise ServerError(f"the ID token's {error.claim} is missing or not acceptable") from error
        except (JoseError, ValueError, TypeError) as error:
            raise ServerError("the ID token's signature, or its form, is not valid") from error
        if not self.discovery.vendor.is_own_token(claims, key_issuer):
            raise ServerError("the ID token's iss is not that of the provider that was asked")
        return claims

    async def _signed_claims(self, id_token: str) -> tuple[dict[str, Any], str | None]:
        unverified_header = jws.extract_compact(id_token.encode()).headers()
        offered = set((await self.discovery.metadata()).id_token_signing_algorithms) & _ASYMMETRIC
        if not offered:
            # For an empty list the library would take its own.
            raise ServerError("the identity provider signs ID tokens with no algorithm that is fit for it")
        key_id = unverified_header.get("kid")
        key = await self.discovery.key(key_id if isinstance(key_id, str) else None)
        key_issuer = key.get("issuer")
        claims = jwt.decode(id_token, key, algorithms=sorted(offered)).claims
        return claims, key_issuer if isinstance(key_issuer, str) else None

    def _registry(self, further: dict[str, Any]) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=lambda: int(self.now().timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            **further,
        )

    def _check_audience(self, claims: dict[str, Any]) -> None:
        """With several audiences the token must say that it was issued to us (§3.1.3.7, 3 to 5)."""
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if ("azp" in claims or several) and claims.get("azp") != self.client_id:
            raise ServerError("the ID token was issued to another client")
