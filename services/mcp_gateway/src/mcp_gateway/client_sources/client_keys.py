"""The public keys of clients that authenticate with `private_key_jwt`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authproxy_common.errors import InvalidClientMetadata
from mcp_gateway.client_sources.documents import Documents
from mcp_gateway.domain.clients import Client, ClientRefused, Standing
from mcp_gateway.domain.key_sets import check_public_keys

# An unknown `kid` may mean new keys, or a stranger who likes us to fetch.
REFETCHED_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """`flows.ports.ClientKeys`.

    Args:
        strangers: Fetches what clients name that nobody configured: from the public internet alone.
        configured: Fetches what the operator named.
    """

    strangers: Documents
    configured: Documents

    async def of(self, client: Client) -> Mapping[str, Any]:
        return await self._keys(client, None)

    async def renewed(self, client: Client) -> Mapping[str, Any]:
        return await self._keys(client, REFETCHED_AFTER)

    async def _keys(self, client: Client, fetched_within: timedelta | None) -> Mapping[str, Any]:
        credentials = client.credentials
        if credentials.jwks_uri is None:
            return credentials.jwks or {"keys": []}
        documents = self.configured if client.standing is Standing.CONFIGURED else self.strangers
        jwks = await documents.get(credentials.jwks_uri, fetched_within=fetched_within)
        try:
            check_public_keys(jwks)
        except InvalidClientMetadata as error:
            raise ClientRefused("the client's key set is not usable") from error
        return jwks
