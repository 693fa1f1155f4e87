"""`/gateway-oauth/exchange`, `/refresh`, `/token-exchange` and the others that are for gateways' backends."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth_server.endpoints.bearer import bearer_token
from auth_server.endpoints.callers import Callers
from auth_server.flows.exchange import ExchangeFlow
from auth_server.flows.refresh import RefreshFlow
from auth_server.flows.revocation import RevocationFlow
from auth_server.flows.token_exchange import TokenExchangeFlow
from auth_server.flows.validation import ValidationFlow
from authproxy_common.frozen import frozen
from authproxy_common.http.body import any_params


@frozen
class BackendEndpoints:
    """The backend's side of a sign-in."""

    callers: Callers
    exchanging: ExchangeFlow
    refreshing: RefreshFlow
    exchanging_tokens: TokenExchangeFlow
    revoking: RevocationFlow
    validating: ValidationFlow

    async def exchange(self, request: Request) -> Response:
        """200 with tokens and user, once."""
        params = await any_params(request)
        return JSONResponse(await self.exchanging.redeem(params, await self.callers.identify(request, params)))

    async def refresh(self, request: Request) -> Response:
        """200 with new tokens."""
        params = await any_params(request)
        await self.callers.admit(request, params)
        return JSONResponse(await self.refreshing.refresh(params))

    async def exchange_token(self, request: Request) -> Response:
        """200 with a token for another service (RFC 8693)."""
        params = await any_params(request)
        caller = await self.callers.identify(request, params)
        return JSONResponse(await self.exchanging_tokens.exchange(params, caller))

    async def revoke(self, request: Request) -> Response:
        """200, whatever came of it."""
        params = await any_params(request)
        await self.callers.admit(request, params)
        await self.revoking.revoke(params)
        return JSONResponse({})

    async def validate(self, request: Request) -> Response:
        """200 for a good access token, with whose it is; 401 for any other."""
        params = await any_params(request)
        await self.callers.admit(request, params)
        return JSONResponse(await self.validating.validate(params, bearer_token(request)))

    async def user_info(self, request: Request) -> Response:
        """200 with the claims of whom the access token is for."""
        params = await any_params(request)
        await self.callers.admit(request, params)
        return JSONResponse(await self.validating.user_info(params, bearer_token(request)))
