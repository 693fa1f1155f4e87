"""Token introspection (RFC 7662), for other resource servers and for clients about their own tokens."""

from typing import Any

from authproxy_common.errors import AccessDenied, InvalidGrant
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from mcp_gateway.domain.clients import Client
from mcp_gateway.domain.grants import RefreshToken
from mcp_gateway.domain.tokens import ActiveToken, InvalidAccessToken
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import AccessTokenVerifier

_INACTIVE = {"active": False}


@frozen
class IntrospectionFlow:
    """Says of a token whether it is good, and for what.

    Args:
        issuer: Our issuer identifier.
        grants: Where tokens come from.
        access_tokens: Reads them.
    """

    issuer: str
    grants: Grants
    access_tokens: AccessTokenVerifier

    async def introspect(self, client: Client, params: Params) -> dict[str, Any]:
        """The introspection response (§2.2); of what is not good, or not the client's to know of, nothing but that.

        Raises:
            InvalidRequest: `token` is missing.
            AccessDenied: The client is a public one (§4).
        """
        if not client.credentials.are_confidential:
            raise AccessDenied("only clients that authenticate may introspect tokens")
        token = params.require("token")
        found = await self._access_token(client, token) or await self._refresh_token(client, token)
        return {"active": True, "iss": self.issuer, **found} if found else _INACTIVE

    async def _access_token(self, client: Client, value: str) -> dict[str, Any] | None:
        try:
            token = await self.access_tokens.verify(value)
        except InvalidAccessToken:
            return None
        if not client.may_introspect_access_tokens_of(token.client_id):
            return None
        if await self.grants.has_ended(token.grant_id, token.consent_id):
            return None
        return _described(token)

    async def _refresh_token(self, client: Client, value: str) -> dict[str, Any] | None:
        """For its own client alone: a resource server that were told of it might take it for an access token."""
        try:
            token = RefreshToken.parse(value)
        except InvalidGrant:
            return None
        grant = await self.grants.find(token.grant_id)
        if grant is None or not grant.made(token) or grant.client_id != client.client_id:
            return None
        if not await self.grants.is_current(token):
            return None
        return {
            "client_id": grant.client_id,
            "sub": grant.subject,
            "aud": grant.resource,
            "scope": " ".join(grant.scope),
            "exp": int(self.grants.ends_at(grant).timestamp()),
            "iat": int(grant.opened_at.timestamp()),
        }


def _described(token: ActiveToken) -> dict[str, Any]:
    return {
        "token_type": "Bearer",
        "client_id": token.client_id,
        "sub": token.subject,
        "aud": token.resource,
        "scope": " ".join(sorted(token.scope)),
        "exp": int(token.expires_at.timestamp()),
        "iat": int(token.issued_at.timestamp()),
        "jti": token.token_id,
    }
