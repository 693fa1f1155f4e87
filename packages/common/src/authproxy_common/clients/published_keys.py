"""The public keys of a client that authenticates with `private_key_jwt`, where it published them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from authproxy_common.clients.credentials import ClientRefused, Credentials
from authproxy_common.clients.documents import CachedDocument, Documents, Fetcher
from authproxy_common.clients.key_sets import check_public_keys
from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidClientMetadata
from authproxy_common.frozen import frozen
from authproxy_common.recent_answers import RecentAnswers
from authproxy_common.records import Collection

# A metadata document may have 5 KB (CIMD §6.6); a set of RSA keys needs more.
_LONGEST = 64 * 1024
# An unknown `kid` may mean new keys, or a stranger who likes us to fetch.
REFETCHED_AFTER = timedelta(seconds=30)


def key_sets(
    fetcher: Fetcher, cache: Collection[CachedDocument], now: Clock, *, publisher: str = "client"
) -> Documents:
    """Key sets by URL, each asked for once in a while at the most, whatever their headers say."""
    return Documents(fetcher, cache, _LONGEST, RecentAnswers(REFETCHED_AFTER, now, size=500), now, publisher)


@frozen
class PublishedKeys:
    """`signed_jwts.PublicKeys`: in the credentials themselves, or at their `jwks_uri`.

    Args:
        credentials: Of the client.
        documents: Fetches what is at its `jwks_uri`.
    """

    credentials: Credentials
    documents: Documents

    async def known(self) -> Mapping[str, Any]:
        return await self._keys(None)

    async def renewed(self) -> Mapping[str, Any]:
        return await self._keys(REFETCHED_AFTER)

    async def _keys(self, fetched_within: timedelta | None) -> Mapping[str, Any]:
        if self.credentials.jwks_uri is None:
            return self.credentials.jwks or {"keys": []}
        jwks = await self.documents.get(self.credentials.jwks_uri, fetched_within=fetched_within)
        try:
            check_public_keys(jwks)
        except InvalidClientMetadata as error:
            raise ClientRefused("the client's key set is not usable") from error
        return jwks
