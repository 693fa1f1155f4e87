"""`UpstreamTransport` on connections of our own."""

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path
from ssl import SSLContext
from typing import NamedTuple

from authproxy_common.uri import HttpURI, MalformedURI, parse_http_uri
from mcp_gateway.proxy.transport import UpstreamNotReached, UpstreamRequest
from mcp_gateway.proxy.upstream_http.connecting import connect
from mcp_gateway.proxy.upstream_http.connection import Connection
from mcp_gateway.proxy.upstream_http.exchange import Exchange
from mcp_gateway.proxy.upstream_http.limits import Limits
from mcp_gateway.proxy.upstream_http.pool import UNREACHABLE, Pool
from mcp_gateway.proxy.upstream_http.sweeper import Sweeper
from mcp_gateway.proxy.upstream_http.tls import client_context
from mcp_gateway.proxy.upstream_http.writing import RequestWriter


class Route(NamedTuple):
    """What the requests for one URL have in common."""

    pool: Pool
    writer: RequestWriter


class PooledTransport:
    """Has a pool for each origin; follows no redirect, and takes nothing from the environment.

    Args:
        limits: Of each pool.
        tls: The context for https; asked for it once, when it is needed first.
    """

    def __init__(self, limits: Limits, tls: Callable[[], SSLContext]) -> None:
        self._limits = limits
        self._tls = cache(tls)
        # As many as there are URLs in the configuration: what clients add is the query alone.
        self._routes: dict[str, Route] = {}
        self._pools: dict[str, Pool] = {}
        self._sweeper = Sweeper(self.end_overdue, limits.swept_every)

    def send(self, request: UpstreamRequest) -> Exchange:
        """See `UpstreamTransport.send`; raises InvalidRequest for what cannot be one request."""
        url, _, query = request.url.partition("?")
        route = self.route(url)
        return Exchange(route.pool, request, route.writer.message(request, query))

    def route(self, url: str) -> Route:
        """The way to `url`, which has no query; raises UpstreamNotReached where there can be none."""
        return self._routes.get(url) or self._new_route(url)

    async def aclose(self) -> None:
        """End every call and close every connection."""
        self._sweeper.stop()
        for pool in self._pools.values():
            await pool.aclose()

    def end_overdue(self, now: float) -> bool:
        """End whatever has lasted too long by `now`, in the event loop's time; whether anything is left that could."""
        for pool in self._pools.values():
            pool.end_overdue(now)
        return any(not pool.is_unused for pool in self._pools.values())

    @property
    def places_taken(self) -> int:
        """How many connections there are to all origins."""
        return sum(pool.places_taken for pool in self._pools.values())

    def _new_route(self, url: str) -> Route:
        try:
            uri = parse_http_uri(url)
        except MalformedURI as error:
            raise UpstreamNotReached(UNREACHABLE) from error
        pool = self._pools.setdefault(uri.origin, self._new_pool(uri))
        return self._routes.setdefault(url, Route(pool, RequestWriter(uri)))

    def _new_pool(self, uri: HttpURI) -> Pool:
        async def new_connection(made: Callable[[], Connection]) -> Connection:
            self._sweeper.start()
            return await connect(uri, made, self._tls, self._limits.connects_within.total_seconds())

        return Pool(new_connection, self._limits, asyncio.get_running_loop().time)


def open_transport(limits: Limits | None = None, ca_file: Path | None = None) -> PooledTransport:
    """With the usual limits unless told others, and TLS against the public authorities and those in `ca_file`."""
    return PooledTransport(limits or Limits(), lambda: client_context(ca_file))
