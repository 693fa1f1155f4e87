"""An answer, between the connection that fills it and the caller who empties it."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.transport import UpstreamGone
from mcp_gateway.proxy.upstream_http.failures import ExchangeFailed


class AnswerSink(Protocol):
    """Where a connection puts an answer as it comes: whoever asked, or an `Answer` in between.

    `to_head`: whether HEAD was asked, so that no body follows whatever the head says. `buffered`: bytes that were not
    taken yet; where they are too many nothing is read before `Connection.read_on`.
    """

    to_head: bool
    is_complete: bool

    @property
    def has_begun(self) -> bool:
        """Whether its head is there."""
        ...

    @property
    def buffered(self) -> int: ...

    def begin(self, status: int, headers: RawHeaders) -> None:
        """The head has come. May raise NotHTTP, and then the answer fails."""
        ...

    def add(self, piece: bytes) -> None:
        """A piece of the body has come."""
        ...

    def complete(self) -> None:
        """Everything has come."""
        ...

    def fail(self, failure: ExchangeFailed) -> None:
        """Nothing more will come, and this is why."""
        ...

    def wake(self) -> None:
        """What came at once was said."""
        ...


class Answer:
    """One answer, as it comes. What has come is handed out without waiting, as one piece.

    Args:
        to_head: Whether HEAD was asked, so that no body follows whatever the head says.
        read_on: Called when everything that had come was taken.
    """

    __slots__ = ("_failure", "_pieces", "_waiter", "buffered", "headers", "is_complete", "read_on", "status", "to_head")

    def __init__(self, *, to_head: bool, read_on: Callable[[], None]) -> None:
        self.to_head = to_head
        self.read_on = read_on
        self.status = 0
        self.headers: RawHeaders = []
        self.buffered = 0
        self.is_complete = False
        self._pieces: list[bytes] = []
        self._failure: ExchangeFailed | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether its head is there."""
        return self.status > 0

    def begin(self, status: int, headers: RawHeaders) -> None:
        """The head has come."""
        self.status, self.headers = status, headers

    def add(self, piece: bytes) -> None:
        """A piece of the body has come."""
        self._pieces.append(piece)
        self.buffered += len(piece)

    def complete(self) -> None:
        """Everything has come."""
        self.is_complete = True

    def fail(self, failure: ExchangeFailed) -> None:
        """Nothing more will come, and this is why."""
        self._failure = failure

    def wake(self) -> None:
        """Tell whoever waits that there is something new."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def begun(self) -> None:
        """Return when the head is there; raises ExchangeFailed."""
        while not self.has_begun:
            if self._failure is not None:
                raise self._failure
            await self._news()

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> bytes:
        """What has come since the last time; raises UpstreamGone where the rest will not."""
        while not self._pieces:
            if self.is_complete:
                raise StopAsyncIteration
            if self._failure is not None:
                raise UpstreamGone(str(self._failure)) from self._failure
            await self._news()
        pieces, self._pieces, self.buffered = self._pieces, [], 0
        self.read_on()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _news(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter
