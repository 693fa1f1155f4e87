"""The public keys of clients that authenticate with `private_key_jwt`."""

from authproxy_common.clients.documents import Documents
from authproxy_common.clients.published_keys import PublishedKeys
from authproxy_common.clients.signed_jwts import PublicKeys
from authproxy_common.frozen import frozen
from mcp_gateway.domain.clients import Client, Standing


@frozen
class ClientKeys:
    """`flows.ports.ClientKeys`.

    Args:
        strangers: Fetches what clients name that nobody configured: from the public internet alone.
        configured: Fetches what the operator named.
    """

    strangers: Documents
    configured: Documents

    def of(self, client: Client) -> PublicKeys:
        documents = self.configured if client.standing is Standing.CONFIGURED else self.strangers
        return PublishedKeys(client.credentials, documents)
