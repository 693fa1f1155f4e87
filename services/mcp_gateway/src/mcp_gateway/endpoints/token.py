"""`POST /oauth/token` (OAuth 2.1 §3.2)."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authproxy_common.errors import UnauthorizedClient, UnsupportedGrantType
from authproxy_common.frozen import frozen
from authproxy_common.http.body import form_params
from authproxy_common.params import Params
from mcp_gateway.domain.clients import Client
from mcp_gateway.flows.client_authentication import ClientAuthentication
from mcp_gateway.flows.ports import GrantType


@frozen
class TokenEndpoint:
    """Steps that every grant type shares, and the table of grant types."""

    authentication: ClientAuthentication
    grant_types: Mapping[str, GrantType]

    async def token(self, request: Request) -> Response:
        """200 with tokens."""
        params = await form_params(request)
        client = await self.authentication.authenticate(params, request.headers.get("authorization"))
        response = await self._grant_type(client, params).redeem(client, params)
        return JSONResponse(response.to_json(), headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _grant_type(self, client: Client, params: Params) -> GrantType:
        name = params.require("grant_type")
        if name not in self.grant_types:
            raise UnsupportedGrantType(f"grant_type must be one of {' '.join(self.grant_types)}")
        if name not in client.grant_types:
            raise UnauthorizedClient("this client did not register for this grant_type")
        return self.grant_types[name]
