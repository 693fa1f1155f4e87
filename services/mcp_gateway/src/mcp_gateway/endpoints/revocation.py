"""`POST /oauth/revoke` (RFC 7009)."""

from starlette.requests import Request
from starlette.responses import Response

from authproxy_common.frozen import frozen
from authproxy_common.http.body import form_params
from mcp_gateway.flows.client_authentication import ClientAuthentication
from mcp_gateway.flows.revocation import RevocationFlow


@frozen
class RevocationEndpoint:
    """Where clients give their tokens back."""

    authentication: ClientAuthentication
    flow: RevocationFlow

    async def revoke(self, request: Request) -> Response:
        """200 with nothing in it."""
        params = await form_params(request)
        client = await self.authentication.authenticate(params, request.headers.get("authorization"))
        await self.flow.revoke(client, params)
        return Response()
