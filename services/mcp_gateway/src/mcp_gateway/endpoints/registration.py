"""`POST /oauth/register` (RFC 7591 §3)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authproxy_common.errors import InvalidClientMetadata, InvalidRequest, NotOffered
from authproxy_common.frozen import frozen
from authproxy_common.params import read_json_object
from mcp_gateway.flows.registration import RegistrationFlow


@frozen
class RegistrationEndpoint:
    """Where clients register themselves."""

    flow: RegistrationFlow | None

    async def register(self, request: Request) -> Response:
        """201 with the client information; 404 where the operator switched it off."""
        if self.flow is None:
            raise NotOffered("clients cannot register here; ask whoever runs this gateway for a client_id")
        body = await request.body()
        try:
            metadata = read_json_object(body)
        except InvalidRequest as error:
            raise InvalidClientMetadata(error.description) from error
        return JSONResponse(self.flow.register(metadata), 201)
