"""A network without sockets: hosts are ASGI applications, and every other host does not exist."""

from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp


def virtual_network(hosts: Mapping[str, ASGIApp]) -> httpx.AsyncClient:
    """A client whose internet is `hosts`, by origin. Streams need a real server: see `tests.support.servers`."""

    def no_such_host(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no such host: {request.url.host}")

    mounts = {origin: httpx.ASGITransport(app) for origin, app in hosts.items()}
    return httpx.AsyncClient(transport=httpx.MockTransport(no_such_host), mounts=mounts)
