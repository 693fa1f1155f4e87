"""Fetching documents from URLs that others wrote, at addresses where we may go (CIMD §6).

Names are resolved here, every address is checked, and the connection is made to an address that was checked: nothing is
resolved a second time, so DNS cannot answer differently in between.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import anyio
import anyio.to_thread
import httpcore
import httpx

from authproxy_common.addresses import Address
from authproxy_common.http.request_id import HEADER, current_request_id

_CONNECTIONS = 16
_ADDRESSES_TRIED = 3
_CONNECTED_WITHIN = 2.0


class _NotFetched(Exception):
    """The message is for the log: it may tell of addresses inside.

    Args:
        status: What was answered; None where nothing was.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unfetchable(_NotFetched):
    """There is nothing to be had at this URL."""


class OutOfBounds(Unfetchable):
    """It leads to where we may not go."""


class FetchFailed(_NotFetched):
    """It could not be had this time; asking again may help."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A successful answer, read to its end. Names of headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes


class DocumentFetcher:
    """Fetches documents; follows no redirect, sends no credential, decodes no compression.

    Args:
        may_connect: Says of each address whether we may go there.
        deadline: Over everything, from the name to the last byte.
    """

    def __init__(self, may_connect: Callable[[Address], bool], *, deadline: timedelta = timedelta(seconds=5)) -> None:
        self.deadline = deadline
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            network_backend=_CheckedConnections(may_connect),
            max_connections=_CONNECTIONS,
            max_keepalive_connections=0,
        )

    async def fetch(self, url: str, limit: int) -> Fetched:
        """What `url`, an http or https URL that was parsed strictly before, answers with 200.

        Raises:
            Unfetchable: It leads to where we may not go, or answers anything but 200, or more than `limit` bytes.
            FetchFailed: No answer in time, or a status that says so (429, 5xx).
        """
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", HEADER: current_request_id()}
        try:
            with anyio.fail_after(self.deadline.total_seconds()):
                async with self._pool.stream("GET", url, headers=list(headers.items())) as response:
                    _check_status(response.status)
                    return Fetched(_headers(response), await _bounded(response, limit))
        except TimeoutError as error:
            raise FetchFailed("no answer in time") from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise FetchFailed(type(error).__name__) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


def _check_status(status: int) -> None:
    if status >= 500 or status == 429:
        raise FetchFailed(f"the answer was {status}", status)
    if status != 200:
        raise Unfetchable(f"the answer was {status}", status)


def _headers(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


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
        self.resolving = anyio.CapacityLimiter(_CONNECTIONS)

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
