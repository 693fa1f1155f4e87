"""`POST /gateway-oauth/exchange` and `/gateway-oauth/refresh`, called by gateways' backends."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth_server.flows.exchange import ExchangeFlow
from auth_server.flows.refresh import RefreshFlow
from authproxy_common.http.body import any_params


@dataclass(frozen=True, slots=True)
class BackendEndpoints:
    """The backend's side of a sign-in."""

    exchanging: ExchangeFlow
    refreshing: RefreshFlow

    async def exchange(self, request: Request) -> Response:
        """200 with tokens and user, once."""
        return JSONResponse(await self.exchanging.redeem(await any_params(request)))

    async def refresh(self, request: Request) -> Response:
        """200 with new tokens."""
        return JSONResponse(await self.refreshing.refresh(await any_params(request)))
