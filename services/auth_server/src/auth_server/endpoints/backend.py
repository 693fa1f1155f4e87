"""`POST /gateway-oauth/exchange`, `/refresh`, `/revoke`, `/validate` and `GET /userinfo`, for gateways' backends."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth_server.endpoints.bearer import bearer_token
from auth_server.flows.exchange import ExchangeFlow
from auth_server.flows.refresh import RefreshFlow
from auth_server.flows.revocation import RevocationFlow
from auth_server.flows.validation import ValidationFlow
from authproxy_common.http.body import any_params, query_params


@dataclass(frozen=True, slots=True)
class BackendEndpoints:
    """The backend's side of a sign-in."""

    exchanging: ExchangeFlow
    refreshing: RefreshFlow
    revoking: RevocationFlow
    validating: ValidationFlow

    async def exchange(self, request: Request) -> Response:
        """200 with tokens and user, once."""
        return JSONResponse(await self.exchanging.redeem(await any_params(request)))

    async def refresh(self, request: Request) -> Response:
        """200 with new tokens."""
        return JSONResponse(await self.refreshing.refresh(await any_params(request)))

    async def revoke(self, request: Request) -> Response:
        """200, whatever came of it."""
        await self.revoking.revoke(await any_params(request))
        return JSONResponse({})

    async def validate(self, request: Request) -> Response:
        """200 for a good access token, with whose it is; 401 for any other."""
        return JSONResponse(await self.validating.validate(await any_params(request), bearer_token(request)))

    async def user_info(self, request: Request) -> Response:
        """200 with the claims of whom the access token is for."""
        return JSONResponse(await self.validating.user_info(query_params(request), bearer_token(request)))
