"""The connections to one origin: who gets which, and how many there may be."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from authproxy_common.errors import OAuthError, TemporarilyUnavailable
from mcp_gateway.proxy.transport import UpstreamNotReached
from mcp_gateway.proxy.upstream_http.connection import Connection
from mcp_gateway.proxy.upstream_http.failures import Broken, Overdue
from mcp_gateway.proxy.upstream_http.limits import Limits

UNREACHABLE = "the MCP server cannot be reached, or answers what is no HTTP"
_TOO_MANY = "too many calls wait for this MCP server"
_STOPPING = "the gateway is stopping"

Place: TypeAlias = asyncio.Future[Connection]
Connect: TypeAlias = Callable[[Callable[[], Connection]], Coroutine[Any, Any, Connection]]


class Pool:
    """Hands out the connection that was used last, or makes one.

    Connections are made in tasks of their own: a call that is cancelled while it waits interrupts nothing, and what
    becomes ready is for the next in line, whoever it was made for.

    Args:
        connect: Makes what it is given into a connection; raises OSError or UnicodeError.
        limits: See there.
        now: Monotonic seconds.
    """

    def __init__(self, connect: Connect, limits: Limits, now: Callable[[], float]) -> None:
        self._connect = connect
        self._limits = limits
        self._now = now
        self._kept_idle = limits.kept_idle.total_seconds()
        self._open: set[Connection] = set()
        # Both in the order in which they came. A call waits until the time beside it.
        self._idle: dict[Connection, None] = {}
        self._waiting: OrderedDict[Place, float] = OrderedDict()
        self._attempts: set[asyncio.Task[Connection]] = set()
        self._is_closed = False
        self._is_empty = asyncio.Event()

    @property
    def places_taken(self) -> int:
        """How many connections there are, those included that are being made."""
        return len(self._open) + len(self._attempts)

    @property
    def is_unused(self) -> bool:
        """Whether there is nothing that could become overdue."""
        return not self._waiting and self.places_taken == 0

    def take(self) -> Connection | None:
        """The connection that was used last, or None where all are in use."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_open:
                return connection
        return None

    async def wait(self, until: float) -> Connection:
        """A connection, as soon as there is one.

        Raises:
            UpstreamNotReached: None can be made.
            TemporarilyUnavailable: All are in use and remain so for too long, or too many calls wait already.
        """
        while True:
            place = self.place(until)
            try:
                connection = await place
            except asyncio.CancelledError:
                self.give_up(place)
                raise
            # It may have ended since it was handed over.
            if connection.is_open:
                return connection

    def place(self, until: float) -> Place:
        """A place in the line, in which a connection is put, or what `wait` raises. Whoever leaves it gives it up.

        Raises what `wait` does, where there can be none.
        """
        if self._is_closed:
            raise UpstreamNotReached(_STOPPING)
        if len(self._waiting) - len(self._attempts) >= self._limits.waiting:
            raise TemporarilyUnavailable(_TOO_MANY, dependency="upstream")
        place: Place = asyncio.get_running_loop().create_future()
        self._waiting[place] = min(until, self._now() + self._limits.waits_within.total_seconds())
        self._connect_for_those_waiting()
        return place

    def give_up(self, place: Place) -> None:
        """Nobody waits there any more."""
        self._waiting.pop(place, None)
        # Both may have happened at once: handed over, and left before that was noticed.
        if place.done() and not place.cancelled() and place.exception() is None:
            self._hand_on(place.result())
        place.cancel()

    def distrust_idle(self) -> None:
        """One was closed by the upstream when it was to be used; the others may have been too."""
        for connection in tuple(self._idle):
            connection.end(Broken("another one was closed"))

    def end_overdue(self, now: float) -> None:
        """End what has lasted too long."""
        for connection in tuple(self._open):
            connection.end_if_overdue(now)
        for place in [place for place, until in self._waiting.items() if now >= until]:
            self._turn_away(place, self._still_waiting())

    async def aclose(self) -> None:
        """End everything; returns when no socket is left."""
        self._is_closed = True
        for attempt in self._attempts:
            attempt.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)
        for place in tuple(self._waiting):
            self._turn_away(place, UpstreamNotReached(_STOPPING))
        for connection in tuple(self._open):
            connection.end(Broken(_STOPPING))
        if self._open:
            self._is_empty.clear()
            await self._is_empty.wait()
        # What an attempt had opened when it was cancelled is closed in the loop's next turn.
        await asyncio.sleep(0)

    # What connections say of themselves.

    def released(self, connection: Connection) -> None:
        self._hand_on(connection)

    def retired(self, connection: Connection) -> None:
        self._idle.pop(connection, None)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if not self._open:
            self._is_empty.set()
        self._connect_for_those_waiting()

    def _connect_for_those_waiting(self) -> None:
        """An attempt for each of them, as far as there are places."""
        while len(self._attempts) < len(self._waiting) and self.places_taken < self._limits.connections:
            attempt = asyncio.get_running_loop().create_task(self._connect(self._new_connection))
            self._attempts.add(attempt)
            attempt.add_done_callback(self._attempted)

    def _new_connection(self) -> Connection:
        return Connection(self, self._limits, self._now)

    def _attempted(self, attempt: asyncio.Task[Connection]) -> None:
        self._attempts.discard(attempt)
        if attempt.cancelled():
            return
        failure = attempt.exception()
        if failure is None and attempt.result().is_open:
            self._open.add(attempt.result())
            self._hand_on(attempt.result())
        elif self._waiting:
            self._turn_away(next(iter(self._waiting)), _not_reached(failure or Broken("it hung up")))
        self._connect_for_those_waiting()

    def _hand_on(self, connection: Connection) -> None:
        if self._is_closed:
            connection.end(Broken(_STOPPING))
            return
        connection.rest(self._now() + self._kept_idle)
        while self._waiting:
            place, _ = self._waiting.popitem(last=False)
            if not place.done():
                place.set_result(connection)
                return
        self._idle[connection] = None

    def _turn_away(self, place: Place, error: OAuthError) -> None:
        self._waiting.pop(place, None)
        if not place.done():
            place.set_exception(error)

    def _still_waiting(self) -> OAuthError:
        if len(self._open) < self._limits.connections:
            return _not_reached(Overdue("no connection was made in time"))
        return TemporarilyUnavailable(_TOO_MANY, dependency="upstream")


def _not_reached(cause: BaseException) -> UpstreamNotReached:
    error = UpstreamNotReached(UNREACHABLE)
    error.__cause__ = cause
    return error
