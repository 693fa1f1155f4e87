"""Every test of the transport runs on both event loops: on uvloop, as in production, and on asyncio's own."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mcp_gateway.proxy.upstream_http.limits import Limits
from mcp_gateway.proxy.upstream_http.tls import client_context
from mcp_gateway.proxy.upstream_http.transport import PooledTransport


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    chosen: tuple[str, dict[str, Any]] = request.param
    return chosen


@pytest.fixture
async def open_transport() -> AsyncIterator[Callable[..., PooledTransport]]:
    """Makes transports with certain limits; at the end each has closed everything."""
    opened: list[PooledTransport] = []

    def open_with(**limits: Any) -> PooledTransport:
        opened.append(PooledTransport(Limits(**limits), client_context))
        return opened[-1]

    yield open_with
    for transport in opened:
        await transport.aclose()
        assert transport.places_taken == 0


@pytest.fixture
def transport(open_transport: Callable[..., PooledTransport]) -> PooledTransport:
    """One with the usual limits."""
    return open_transport()
