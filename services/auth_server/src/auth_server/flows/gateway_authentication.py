"""Which gateway calls, and whether it is (OAuth 2.1 §2.4)."""

from auth_server.domain.gateways import Gateway, Gateways
from authproxy_common.clients.authentication import CredentialCheck
from authproxy_common.clients.credentials import AuthenticationFailed
from authproxy_common.clients.documents import Documents
from authproxy_common.clients.presented_credentials import PresentedCredentials
from authproxy_common.clients.published_keys import PublishedKeys
from authproxy_common.errors import InvalidRequest
from authproxy_common.frozen import frozen
from authproxy_common.params import Params

_PROOFS = ("client_secret", "client_assertion")


@frozen
class GatewayAuthentication:
    """Believes what a gateway proves. One that presents nothing is nobody in particular, which may be enough.

    Args:
        gateways: That can authenticate.
        credentials: Checks what they present.
        documents: Fetches key sets.
    """

    gateways: Gateways
    credentials: CredentialCheck
    documents: Documents

    async def authenticate(self, params: Params, query: Params, basic: str | None) -> Gateway | None:
        """The gateway whose call has `params`, `query` among or beside them, and perhaps HTTP Basic.

        Raises:
            InvalidRequest: It authenticates in several ways at once, or in the query, which logs keep.
            InvalidClient: It is unknown, or did not authenticate as it is configured; the answer does not tell which.
            TemporarilyUnavailable: Its keys could not be fetched, or the store did not answer.
        """
        if not self.gateways.known:
            return None
        if any(query.get(name) for name in _PROOFS):
            raise InvalidRequest("a gateway's credentials belong into the body or the Authorization header")
        if basic is None and not any(params.get(name) for name in _PROOFS):
            return None
        presented = PresentedCredentials.from_request(params, basic)
        gateway = self.gateways.known.get(self.credentials.claimed(presented))
        if gateway is None:
            raise AuthenticationFailed
        keys = PublishedKeys(gateway.credentials, self.documents)
        await self.credentials.check(gateway.name, gateway.credentials, presented, keys)
        return gateway
