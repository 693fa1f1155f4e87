"""Who calls the endpoints for backends, and how often it may."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from auth_server.domain.gateways import Gateway
from auth_server.flows.gateway_authentication import GatewayAuthentication
from authproxy_common.frozen import frozen
from authproxy_common.http.body import query_params
from authproxy_common.params import Params


@frozen
class Callers:
    """Authenticates the gateway that calls, if it does, and counts its calls.

    Args:
        authentication: Of gateways.
        spend: Counts a call of the gateway that it names and raises TooManyRequests; None for no limit.
    """

    authentication: GatewayAuthentication
    spend: Callable[[str], Awaitable[None]] | None

    async def identify(self, request: Request, params: Params) -> Gateway | None:
        """The gateway, or None for one that presents nothing; raises what `authenticate` and `spend` do."""
        authorization = request.headers.get("authorization", "")
        # A bearer token is somebody else's, and looked at elsewhere.
        basic = authorization if authorization.partition(" ")[0].lower() == "basic" else None
        gateway = await self.authentication.authenticate(params, query_params(request), basic)
        if gateway and self.spend:
            await self.spend(gateway.name)
        return gateway

    async def admit(self, request: Request, params: Params) -> None:
        """The same for what any gateway may ask that may ask at all."""
        self.authentication.gateways.check(await self.identify(request, params))
