"""The well-known documents (RFC 8414, RFC 9728, RFC 7517), generated from what the gateway offers."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authproxy_common.clients.credentials import NONE, PRIVATE_KEY_JWT
from authproxy_common.errors import NotOffered
from authproxy_common.frozen import frozen
from authproxy_common.pkce import METHOD
from mcp_gateway.domain.resources import RESOURCE_METADATA_PATH, MCPServer, MCPServers

AUTHORIZATION_SERVER_PATHS = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
JWKS_PATH = "/.well-known/jwks.json"

_CACHED = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}


@frozen
class Offer:
    """What clients may do here, as it was built.

    Args:
        grant_types: That the token endpoint has.
        grant_profiles: Of the assertions that it takes, if any (draft-ietf-oauth-identity-assertion-authz-grant §7.2).
        authentication_methods: Of clients, `none` among them.
        assertion_algorithms: That client assertions may be signed with.
        registration: Whether clients may register themselves.
        metadata_documents: Whether a client_id may be the URL of a metadata document.
    """

    grant_types: Sequence[str]
    grant_profiles: Sequence[str]
    authentication_methods: Sequence[str]
    assertion_algorithms: Sequence[str]
    registration: bool
    metadata_documents: bool

    def to_json(self, issuer: str) -> dict[str, Any]:
        """The members of the metadata (RFC 8414 §2) that depend on it."""
        confidential = [method for method in self.authentication_methods if method != NONE]
        body: dict[str, Any] = {"grant_types_supported": list(self.grant_types)}
        if self.grant_profiles:
            body["authorization_grant_profiles_supported"] = list(self.grant_profiles)
        body |= _authenticated("token", self.authentication_methods, self.assertion_algorithms)
        body |= _authenticated("revocation", self.authentication_methods, self.assertion_algorithms)
        if confidential:
            body["introspection_endpoint"] = f"{issuer}/oauth/introspect"
            body |= _authenticated("introspection", confidential, self.assertion_algorithms)
        if self.registration:
            body["registration_endpoint"] = f"{issuer}/oauth/register"
        if self.metadata_documents:
            body["client_id_metadata_document_supported"] = True
        return body


@frozen
class MetadataEndpoints:
    """Who we are and what we offer.

    Args:
        issuer: Our issuer identifier, the public URL.
        servers: The protected resources.
        offer: What works.
        jwks: The published signing keys.
    """

    issuer: str
    servers: MCPServers
    offer: Offer
    jwks: Mapping[str, Any]

    async def authorization_server(self, request: Request) -> Response:
        """RFC 8414 §3. Clients may ask with a server's path inserted; the issuer is the same for all."""
        self._check_inserted(request)
        return JSONResponse(self._authorization_server(), headers=_CACHED)

    async def protected_resource(self, request: Request) -> Response:
        """RFC 9728 §3. Without a path it is the only server's, while there is one alone."""
        path = _inserted_path(request)
        server = self.servers.by_path.get(path) if path else self.servers.sole()
        if server is None:
            raise NotOffered("there is no such protected resource")
        return JSONResponse(self._protected_resource(server), headers=_CACHED)

    async def keys(self, _request: Request) -> Response:
        """RFC 7517 §5."""
        return JSONResponse(dict(self.jwks), headers=_CACHED)

    def _check_inserted(self, request: Request) -> None:
        path = _inserted_path(request)
        if path and path not in self.servers.by_path:
            raise NotOffered("there is no such MCP server")

    def _authorization_server(self) -> dict[str, Any]:
        scopes = dict.fromkeys(scope for server in self.servers.by_path.values() for scope in server.scopes)
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/oauth/authorize",
            "token_endpoint": f"{self.issuer}/oauth/token",
            "revocation_endpoint": f"{self.issuer}/oauth/revoke",
            "jwks_uri": self.issuer + JWKS_PATH,
            "scopes_supported": list(scopes),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "code_challenge_methods_supported": [METHOD],
            "authorization_response_iss_parameter_supported": True,
        } | self.offer.to_json(self.issuer)

    def _protected_resource(self, server: MCPServer) -> dict[str, Any]:
        return {
            "resource": server.resource,
            "authorization_servers": [self.issuer],
            "scopes_supported": list(server.scopes),
            "bearer_methods_supported": ["header"],
            "resource_name": server.description or server.name,
        }


def _authenticated(endpoint: str, methods: Sequence[str], algorithms: Sequence[str]) -> dict[str, Any]:
    """How clients authenticate at an endpoint."""
    body: dict[str, Any] = {f"{endpoint}_endpoint_auth_methods_supported": list(methods)}
    if PRIVATE_KEY_JWT in methods:
        body[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = list(algorithms)
    return body


def _inserted_path(request: Request) -> str:
    """What follows the well-known path, without a slash at its end, as `resource` may have one."""
    inserted: str = request.path_params.get("path", "").rstrip("/")
    return f"/{inserted}" if inserted else ""


def well_known_paths() -> dict[str, Sequence[str]]:
    """The paths of each document, bare and with a path inserted."""
    inserted = "/{path:path}"
    return {
        "authorization_server": [p + suffix for p in AUTHORIZATION_SERVER_PATHS for suffix in ("", inserted)],
        "protected_resource": [RESOURCE_METADATA_PATH, RESOURCE_METADATA_PATH + inserted],
    }
