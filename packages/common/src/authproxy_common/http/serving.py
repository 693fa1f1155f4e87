"""One process, one event loop, one uvicorn server on one or two ports."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from authproxy_common.http.protocol import HTTPProtocol

_BACKLOG = 2048


class PortTakenError(Exception):
    """Something else listens there already."""


async def serve(
    app: ASGIApp,
    host: str,
    ports: list[int],
    graceful: timedelta,
    *,
    trusted_proxies: Sequence[str] = (),
    protocol: Callable[..., asyncio.Protocol] | None = None,
) -> None:
    """Serve `app` at each port until SIGTERM or SIGINT.

    Args:
        app: Closes its own resources in its lifespan; uvicorn raises the signal again before anything after this runs.
        host: Address to bind.
        ports: The first is the service's own.
        graceful: How long open answers, streams among them, may take to end.
        trusted_proxies: Addresses and networks whose `X-Forwarded-For` says who the client is.
        protocol: Makes the protocol of a connection, of what uvicorn gives to its own; None for `HTTPProtocol`.

    Raises:
        PortTakenError: Names the address.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=_as_seen(trusted_proxies),
        http=cast("type[asyncio.Protocol]", protocol or HTTPProtocol),
        lifespan="on",
        timeout_graceful_shutdown=int(graceful.total_seconds()),
    )
    with ExitStack() as listeners:
        sockets = [listeners.enter_context(_bind(host, port)) for port in ports]
        await uvicorn.Server(config).serve(sockets=sockets)


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTakenError(f"cannot listen at {host} port {port}: {error.strerror}") from error
    listener.setblocking(False)
    return listener


def _as_seen(networks: Sequence[str]) -> list[str]:
    """Addresses and networks as the server compares them: without host bits, and as a socket for IPv6 shows IPv4."""
    parsed = [ipaddress.ip_network(network, strict=False) for network in networks]
    mapped = [f"::ffff:{each.network_address}/{96 + each.prefixlen}" for each in parsed if each.version == 4]
    return [*map(str, parsed), *mapped]
