"""Fetching documents from URLs that others wrote, at addresses where we may go (CIMD §6).

Names are resolved here, every address is checked, and the connection is made to an address that was checked: nothing is
resolved a second time, so DNS cannot answer differently in between.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from datetime import timedelta
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread
import httpcore
import httpx

from authproxy_common.addresses import Address
from authproxy_common.http.fetching import Fetched, FetchFailed, OutOfBounds, Unfetchable
from authproxy_common.http.request_id import HEADER, current_request_id
from authproxy_common.uri import HttpURI

_AT_ONCE, _AT_ONCE_FROM_ONE_HOST = 64, 4
_ADDRESSES_TRIED = 3
_CONNECTED_WITHIN = 2.0


class DocumentFetcher:
    """Fetches documents; follows no redirect, sends no credential, decodes no compression.

    Args:
        may_connect: Says of each address whether we may go there.
        deadline: Over everything, from the name to the last byte.
    """

    def __init__(self, may_connect: Callable[[Address], bool], *, deadline: timedelta = timedelta(seconds=3)) -> None:
        self.deadline = deadline
        self._tls = httpx.create_ssl_context()
        self._network = _CheckedConnections(may_connect)
        self._places = anyio.CapacityLimiter(_AT_ONCE)
        # For as long as anybody waits for the host: it is a stranger's word that makes an entry.
        self._hosts: WeakValueDictionary[str, anyio.CapacityLimiter] = WeakValueDictionary()

    async def fetch(self, uri: HttpURI, limit: int) -> Fetched:
        """What `uri` answers with 200.

        Raises:
            Unfetchable: It leads to where we may not go, or answers anything but 200, or more than `limit` bytes.
            FetchFailed: No answer in time, or a status that says so (429, 5xx).
        """
        host = self._hosts.setdefault(uri.host, anyio.CapacityLimiter(_AT_ONCE_FROM_ONE_HOST))
        try:
            with anyio.fail_after(self.deadline.total_seconds()):
                # The host first: those who wait for a slow one must not take the places of others.
                async with host, self._places:
                    return await self._fetched(uri, limit)
        except TimeoutError as error:
            raise FetchFailed("no answer in time") from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise FetchFailed(type(error).__name__) from error

    async def _fetched(self, uri: HttpURI, limit: int) -> Fetched:
        # A pool for this one request. In a shared one the place of a request that is cancelled while its connection
        # is made can be lost for good (httpcore 1.0), and strangers decide here when that is.
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls, network_backend=self._network, max_connections=1, max_keepalive_connections=0
        )
        async with pool, pool.stream("GET", _url(uri), headers=_request_headers(uri)) as response:
            _check_status(response.status)
            return Fetched(_headers(response), await _bounded(response, limit))


def _url(uri: HttpURI) -> httpcore.URL:
    """Part by part: the library's own reading of a URL leaves out what follows a semicolon."""
    target = f"{uri.path}?{uri.query}" if uri.query else uri.path
    return httpcore.URL(scheme=uri.scheme, host=uri.host.strip("[]"), port=uri.port, target=target)


def _request_headers(uri: HttpURI) -> list[tuple[str, str]]:
    return [
        ("Host", uri.origin.partition("://")[2]),
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        (HEADER, current_request_id()),
    ]


def _check_status(status: int) -> None:
    if status >= 500 or status == 429:
        raise FetchFailed(f"the answer was {status}", status)
    if status != 200:
        raise Unfetchable(f"the answer was {status}", status)


def _headers(response: httpcore.Response) -> dict[str, str]:
    """Repeated ones as one list (RFC 9110 §5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _bounded(response: httpcore.Response, limit: int) -> bytes:
    body = bytearray()
    async for piece in response.aiter_stream():
        body += piece
        if len(body) > limit:
            raise Unfetchable(f"the answer is longer than {limit} bytes", response.status)
    return bytes(body)


class _CheckedConnections(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, by whatever name or notation they were asked for."""

    def __init__(self, may_connect: Callable[[Address], bool]) -> None:
        self.may_connect = may_connect
        self.inner = httpcore.AnyIOBackend()
        # Of its own: names that resolve slowly must not keep anybody else's from being resolved.
        self.resolving = anyio.CapacityLimiter(_AT_ONCE)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        # All of them: a name that also stands for something inside is nobody's outside.
        if not all(map(self.may_connect, addresses)):
            raise OutOfBounds(f"{host} is where we may not go")
        within = _CONNECTED_WITHIN if timeout is None else min(timeout, _CONNECTED_WITHIN)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                return await self.inner.connect_tcp(str(address), port, within, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _resolve(self, host: str, port: int) -> list[Address]:
        def resolve() -> list[Address]:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
            return [ipaddress.ip_address(entry[4][0]) for entry in found]

        try:
            return await anyio.to_thread.run_sync(resolve, limiter=self.resolving, abandon_on_cancel=True)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise FetchFailed(f"{host} could not be resolved") from error
            raise Unfetchable(f"{host} has no address") from error
        except (UnicodeError, ValueError) as error:
            raise Unfetchable(f"{host} is no name of a host") from error
