"""What a service's doctor finds, line by line."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import timedelta
from typing import TypeAlias, TypeVar

import anyio

from authproxy_common.clock import Clock, utc_now
from authproxy_common.doctor import Check, Finding, Vantage, examine
from authproxy_common.http.client import open_http
from authproxy_common.http.request_id import request_id_of_our_own
from tests.support.servers import free_port

S = TypeVar("S")

Examined: TypeAlias = Callable[[S, Vantage], AbstractAsyncContextManager[Sequence[Check]]]

PATIENCE = timedelta(seconds=3)
IMPATIENCE = timedelta(milliseconds=300)
_BOUND = 20


async def findings(
    examined: Examined[S], settings: S, *, patience: timedelta = PATIENCE, inside: bool = False, now: Clock = utc_now
) -> dict[str, Finding]:
    """By name, what the doctor finds about these settings."""
    with anyio.fail_after(_BOUND), request_id_of_our_own():
        async with vantage(patience=patience, inside=inside, now=now) as here, examined(settings, here) as checks:
            return {finding.name: finding for finding in await examine(checks, 2 * patience)}


@asynccontextmanager
async def vantage(
    *, patience: timedelta = PATIENCE, inside: bool = False, now: Clock = utc_now
) -> AsyncIterator[Vantage]:
    """This machine, as the command line looks from it."""
    async with open_http() as http:
        yield Vantage(http, now, patience, inside)


def closed() -> str:
    """An origin where nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


@contextmanager
def silent() -> Iterator[str]:
    """An origin that takes connections in and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[int]:
    """A port that gives the same bytes for whatever it gets; for each command, where these are Redis's."""

    async def say(stream: anyio.abc.ByteStream) -> None:
        async with stream:
            async for piece in stream:
                await stream.send(answer * max(1, (b"\n" + piece).count(b"\n*")))

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, say)
        yield int(listener.extra(anyio.abc.SocketAttribute.local_port))
        group.cancel_scope.cancel()
