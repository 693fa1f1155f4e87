"""Where the keys of a trusted issuer are (RFC 8414 §3, OpenID Connect Discovery §4)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from authproxy_common.clients.credentials import ClientRefused
from authproxy_common.clients.documents import Document, Documents
from authproxy_common.clients.key_sets import public_keys_of
from authproxy_common.clients.published_keys import REFETCHED_AFTER
from authproxy_common.clients.signed_jwts import PublicKeys
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.frozen import frozen
from authproxy_common.uri import HttpURI, MalformedURI, parse_http_uri
from mcp_gateway.domain.identity_assertions import TrustedIssuer


@frozen
class IssuerDocuments:
    """`flows.ports.IssuerKeys`.

    Args:
        documents: Fetches metadata and key sets, where the operator named the issuer.
    """

    documents: Documents

    def of(self, issuer: TrustedIssuer) -> PublicKeys:
        return _PublishedKeys(issuer, self.documents)


def metadata_urls(issuer: str) -> tuple[str, str]:
    """Where an issuer describes itself: as OpenID providers do, and as other authorization servers do."""
    uri = parse_http_uri(issuer)
    path = uri.path.rstrip("/")
    return (
        f"{uri.origin}{path}/.well-known/openid-configuration",
        f"{uri.origin}/.well-known/oauth-authorization-server{path}",
    )


def jwks_uri_of(metadata: Mapping[str, Any], issuer: str) -> HttpURI:
    """Where the metadata says that the keys are; raises ValueError for metadata of somebody else, or without any."""
    if metadata.get("issuer") != issuer:
        raise ValueError("its metadata names another issuer")
    jwks_uri = metadata.get("jwks_uri")
    try:
        uri = parse_http_uri(jwks_uri if isinstance(jwks_uri, str) else "")
    except MalformedURI as error:
        raise ValueError("its metadata has no jwks_uri") from error
    # Keys that anybody on the way could have replaced would be anybody's keys.
    if issuer.startswith("https://") and uri.scheme != "https":
        raise ValueError("its jwks_uri is not https")
    return uri


@frozen
class _PublishedKeys:
    issuer: TrustedIssuer
    documents: Documents

    async def known(self) -> Mapping[str, Any]:
        try:
            return await self._keys(None)
        except ValueError:
            # What is kept is of no use, whatever its headers said of how long it would be.
            return await self.renewed()

    async def renewed(self) -> Mapping[str, Any]:
        try:
            return await self._keys(REFETCHED_AFTER)
        except ValueError as error:
            raise _Unavailable from error

    async def _keys(self, fetched_within: timedelta | None) -> Mapping[str, Any]:
        try:
            uri = await self._jwks_uri(fetched_within)
            return public_keys_of(await self.documents.get(uri, fetched_within=fetched_within))
        except ClientRefused as error:
            raise _Unavailable from error

    async def _jwks_uri(self, fetched_within: timedelta | None) -> HttpURI:
        if self.issuer.jwks_uri:
            return parse_http_uri(self.issuer.jwks_uri)
        return jwks_uri_of(await self._metadata(fetched_within), self.issuer.issuer)

    async def _metadata(self, fetched_within: timedelta | None) -> Document:
        first, second = map(parse_http_uri, metadata_urls(self.issuer.issuer))
        try:
            return await self.documents.get(first, fetched_within=fetched_within)
        except ClientRefused:
            return await self.documents.get(second, fetched_within=fetched_within)


class _Unavailable(TemporarilyUnavailable):
    """Whatever the reason, it is not the client's doing, who may come again."""

    def __init__(self) -> None:
        super().__init__("the keys of the assertion's issuer cannot be had", dependency="issuer metadata")
