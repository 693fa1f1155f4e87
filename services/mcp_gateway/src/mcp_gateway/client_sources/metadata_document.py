"""Clients whose client_id is the URL of their metadata (OAuth Client ID Metadata Document)."""

from typing import Any

from authproxy_common.clients.credentials import NONE, PRIVATE_KEY_JWT, ClientRefused, Credentials
from authproxy_common.clients.documents import Documents
from authproxy_common.clients.key_sets import check_public_keys
from authproxy_common.errors import OAuthError
from authproxy_common.frozen import frozen
from authproxy_common.uri import HttpURI, MalformedURI, parse_http_uri
from mcp_gateway.domain.client_metadata import read_metadata
from mcp_gateway.domain.client_policy import ClientPolicy
from mcp_gateway.domain.clients import Client, Standing

# A shared secret has no meaning in a public document (CIMD §4.1).
_SECRET_MEMBERS = ("client_secret", "client_secret_expires_at")


@frozen
class MetadataDocumentClients:
    """`flows.ports.ClientSource` for URLs.

    Args:
        documents: Fetches them, within bounds.
        policy: Whose are taken.
        own_origin: Ours, where no client's document is: fetching it would be fetching on behalf of whoever asks.
        allow_loopback_http: Whether a client_id may be `http://localhost…` too: in development.
    """

    documents: Documents
    policy: ClientPolicy
    own_origin: str
    allow_loopback_http: bool = False

    async def find(self, client_id: str) -> Client | None:
        """The client that the document describes.

        Raises:
            ClientRefused: The document cannot be had, is not usable, or is not taken here.
            TemporarilyUnavailable: It could not be fetched this time.
        """
        uri = self._url(client_id)
        if uri is None:
            return None
        if not self.policy.allows_documents_of(uri.host):
            raise ClientRefused("clients of this host may not connect here")
        return self._client(client_id, uri, await self.documents.get(uri))

    def _url(self, client_id: str) -> HttpURI | None:
        """The client_id as a URL with a path (CIMD §3); None for what is no such URL."""
        if not client_id.startswith(("https://", "http://")):
            return None
        try:
            uri = parse_http_uri(client_id)
        except MalformedURI:
            return None
        is_allowed = uri.scheme == "https" or (self.allow_loopback_http and uri.is_loopback)
        return uri if is_allowed and uri.path != "/" and uri.origin != self.own_origin else None

    def _client(self, client_id: str, uri: HttpURI, document: dict[str, Any]) -> Client:
        if document.get("client_id") != client_id:
            raise ClientRefused("the client's metadata does not name its own URL as client_id")
        if not document.get("client_name"):
            raise ClientRefused("the client's metadata has no client_name")
        try:
            described = read_metadata(document)
            self.policy.check_redirect_uris(described.redirect_uris)
            credentials = self._credentials(document)
        except OAuthError as error:
            raise ClientRefused(f"the client's metadata is not usable: {error.description}") from error
        return Client(
            client_id=client_id,
            client_name=described.client_name,
            redirect_uris=described.redirect_uris,
            grant_types=described.grant_types,
            credentials=credentials,
            standing=Standing.KNOWN if self.policy.knows(uri.host) else Standing.DOCUMENTED,
        )

    def _credentials(self, document: dict[str, Any]) -> Credentials:
        method = document.get("token_endpoint_auth_method", NONE)
        if method not in (NONE, PRIVATE_KEY_JWT) or any(name in document for name in _SECRET_MEMBERS):
            raise ClientRefused("its token_endpoint_auth_method must be none or private_key_jwt")
        if method == NONE:
            return Credentials()
        jwks, jwks_uri = document.get("jwks"), document.get("jwks_uri")
        if (jwks is None) == (jwks_uri is None):
            raise ClientRefused("private_key_jwt needs either jwks or jwks_uri")
        if jwks is not None:
            check_public_keys(jwks)
            return Credentials((PRIVATE_KEY_JWT,), jwks=jwks)
        return Credentials((PRIVATE_KEY_JWT,), jwks_uri=self._jwks_uri(jwks_uri))

    def _jwks_uri(self, jwks_uri: Any) -> HttpURI:
        try:
            uri = parse_http_uri(jwks_uri if isinstance(jwks_uri, str) else "")
        except MalformedURI as error:
            raise ClientRefused("its jwks_uri is no URL") from error
        if uri.origin == self.own_origin or (uri.scheme != "https" and not uri.is_loopback):
            raise ClientRefused("its jwks_uri is not https, or is here")
        return uri
