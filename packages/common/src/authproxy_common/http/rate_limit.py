"""Rate limits by address, around single endpoints."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from authproxy_common.addresses import network_of
from authproxy_common.http.assembly import Endpoint


def limited_by_address(endpoint: Endpoint, spend: Callable[[str], Awaitable[None]]) -> Endpoint:
    """`endpoint`, behind a limit: what comes too often from one address is refused before anything is read.

    Args:
        endpoint: What is limited.
        spend: Counts a request of whoever it names; raises TooManyRequests.
    """

    async def limited(request: Request) -> Response:
        # The peer's address, or what a trusted proxy said: the server has put it there.
        await spend(network_of(request.client.host if request.client else "unknown"))
        return await endpoint(request)

    return limited
