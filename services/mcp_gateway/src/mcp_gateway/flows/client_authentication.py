"""Which client is at the token endpoint, and whether it is (OAuth 2.1 §2.4)."""

from authproxy_common.clients.authentication import CredentialCheck
from authproxy_common.clients.credentials import AuthenticationFailed, ClientRefused
from authproxy_common.clients.presented_credentials import PresentedCredentials
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from mcp_gateway.domain.clients import Client
from mcp_gateway.flows.ports import ClientKeys, ClientSource


@frozen
class ClientAuthentication:
    """Authenticates clients the way each is registered to.

    Args:
        clients: Where they are looked up.
        keys: Public keys, for `private_key_jwt`.
        credentials: Checks what they present.
    """

    clients: ClientSource
    keys: ClientKeys
    credentials: CredentialCheck

    async def authenticate(self, params: Params, authorization: str | None) -> Client:
        """The client whose request this is.

        Raises:
            InvalidRequest: It authenticates in several ways at once.
            InvalidClient: It is unknown, or did not authenticate as it is registered; the answer does not tell which.
            TemporarilyUnavailable: What it published could not be fetched.
        """
        presented = PresentedCredentials.from_request(params, authorization)
        client = await self._find(self.credentials.claimed(presented))
        await self.credentials.check(client.client_id, client.credentials, presented, self.keys.of(client))
        return client

    async def _find(self, client_id: str) -> Client:
        try:
            client = await self.clients.find(client_id)
        except ClientRefused as error:
            raise AuthenticationFailed from error
        if client is None:
            raise AuthenticationFailed
        return client
