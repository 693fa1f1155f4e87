"""An honest issuer of identity assertions (ID-JAG), as an enterprise's identity provider is one."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from authproxy_common.clock import Clock
from tests.support.client_assertions import client_key, jwks_of

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
TYPE = "oauth-id-jag+jwt"


@dataclass
class TrustedIssuer:
    """Signs people in at a client, and lets it act for them at an MCP server.

    Args:
        issuer: Its issuer identifier.
        now: The clock.
        client_id: What it writes into assertions: the client, as it is known at the authorization server (§5).
        key: Signs.
        scope: What its policy lets the client have.
        asked: The exchanges that it was asked for.
    """

    issuer: str
    now: Clock
    client_id: str
    key: ECKey = field(default_factory=client_key)
    scope: str = "mcp"
    asked: list[dict[str, str]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    @property
    def metadata(self) -> dict[str, Any]:
        """RFC 8414 §2."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "grant_types_supported": [TOKEN_EXCHANGE],
            "identity_chaining_requested_token_types_supported": [ID_JAG],
        }

    def claims(self, audience: Any, sub: str = "alice", **changed: Any) -> dict[str, Any]:
        """What it says of a person; a claim changed to None is left out."""
        now = self.now()
        said = {
            "iss": self.issuer,
            "sub": sub,
            "aud": audience,
            "client_id": self.client_id,
            "jti": secrets.token_urlsafe(16),
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=5)).timestamp()),
            "scope": self.scope,
            "email": f"{sub}@acme.example",
            **changed,
        }
        return {name: value for name, value in said.items() if value is not None}

    def signed(self, claims: dict[str, Any], key: ECKey | None = None, **header: Any) -> str:
        """An assertion of these claims; a member of the header changed to None is left out."""
        key = key or self.key
        members = {"alg": "ES256", "kid": key.kid, "typ": TYPE, **header}
        return jwt.encode({name: value for name, value in members.items() if value is not None}, claims, key)

    def assertion(self, audience: Any, resource: Any = None, **changed: Any) -> str:
        """An assertion that is good."""
        return self.signed(self.claims(audience, resource=resource, **changed))

    async def describe(self, request: Request) -> Response:
        self.fetched.append(request.url.path)
        return JSONResponse(self.metadata)

    async def keys(self, request: Request) -> Response:
        self.fetched.append(request.url.path)
        return JSONResponse(jwks_of(self.key))

    async def token(self, request: Request) -> Response:
        """Token exchange (§4.3): an ID token, which here is a person's name, for an assertion."""
        form = dict(parse_qsl((await request.body()).decode()))
        self.asked.append(form)
        expected = {"grant_type": TOKEN_EXCHANGE, "requested_token_type": ID_JAG}
        if expected.items() - form.items() or not form.get("subject_token"):
            return JSONResponse({"error": "invalid_request"}, 400)
        assertion = self.assertion(form["audience"], form.get("resource"), sub=form["subject_token"])
        answer = {"access_token": assertion, "issued_token_type": ID_JAG, "token_type": "N_A", "expires_in": 300}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def app(self) -> Starlette:
        """It, on the web."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.describe),
                Route("/.well-known/oauth-authorization-server", self.describe),
                Route("/keys", self.keys),
                Route("/token", self.token, methods=["POST"]),
            ]
        )
