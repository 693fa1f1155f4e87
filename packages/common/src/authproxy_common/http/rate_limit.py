"""Rate limits by address, around single routes."""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from authproxy_common.addresses import network_of


class LimitedByAddress:
    """ASGI middleware of a route: refuses, before anything is read, what comes too often from one address.

    Args:
        app: The route's endpoint.
        spend: Counts a request of whoever it names; raises TooManyRequests.
    """

    def __init__(self, app: ASGIApp, *, spend: Callable[[str], Awaitable[None]]) -> None:
        self.app = app
        self.spend = spend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The peer's, or what a trusted proxy said: the server has put it there.
        address, _port = scope.get("client") or ("unknown", 0)
        await self.spend(network_of(address))
        await self.app(scope, receive, send)
