"""`POST /oauth/introspect` (RFC 7662)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authproxy_common.frozen import frozen
from authproxy_common.http.body import form_params
from mcp_gateway.flows.client_authentication import ClientAuthentication
from mcp_gateway.flows.introspection import IntrospectionFlow


@frozen
class IntrospectionEndpoint:
    """Where resource servers ask about tokens."""

    authentication: ClientAuthentication
    flow: IntrospectionFlow

    async def introspect(self, request: Request) -> Response:
        """200 with what is known about the token."""
        params = await form_params(request)
        client = await self.authentication.authenticate(params, request.headers.get("authorization"))
        return JSONResponse(await self.flow.introspect(client, params), headers={"Cache-Control": "no-store"})
