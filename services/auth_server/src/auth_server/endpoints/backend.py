"""`POST /gateway-oauth/exchange`, `/refresh` and `/revoke`, called by gateways' backends."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth_server.flows.exchange import ExchangeFlow
from auth_server.flows.refresh import RefreshFlow
from auth_server.flows.revocation import RevocationFlow
from authproxy_common.http.body import any_params


@dataclass(frozen=True, slots=True)
class BackendEndpoints:
    """The backend's side of a sign-in."""

    exchanging: ExchangeFlow
    refreshing: RefreshFlow
    revoking: RevocationFlow

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
