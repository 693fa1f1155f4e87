"""One connection to an upstream: a message out, an answer in, one after the other."""

import asyncio
import math
from collections.abc import Callable
from typing import Protocol, cast

from mcp_gateway.proxy.upstream_http.answer import AnswerSink
from mcp_gateway.proxy.upstream_http.failures import Broken, ExchangeFailed, HungUp, NotHTTP, Overdue
from mcp_gateway.proxy.upstream_http.limits import Limits
from mcp_gateway.proxy.upstream_http.reading import AnswerReader


class Keeper(Protocol):
    """Who keeps connections between calls."""

    def released(self, connection: "Connection") -> None:
        """It can be used for another call."""
        ...

    def retired(self, connection: "Connection") -> None:
        """It can be used for nothing any more."""
        ...

    def lost(self, connection: "Connection") -> None:
        """It is gone, and so is its socket."""
        ...


class Connection(asyncio.Protocol):
    """What `connect` makes. Closing it waits for nothing, so that whoever is cancelled can do it.

    Args:
        keeper: Hears what becomes of it.
        limits: See there.
        now: Monotonic seconds.
    """

    def __init__(self, keeper: Keeper, limits: Limits, now: Callable[[], float]) -> None:
        self._keeper = keeper
        self._limits = limits
        self._now = now
        self._transport: asyncio.Transport
        self._reader = AnswerReader()
        self._answer: AnswerSink | None = None
        self._has_served = False
        self._is_paused = False
        self._idle_timeout = math.inf
        self._deadline = math.inf
        self._unsent, self._unsent_until = 0, math.inf

    @property
    def is_open(self) -> bool:
        """Whether something can be sent on it."""
        return not self._transport.is_closing()

    def ask(self, message: list[bytes], answer: AnswerSink, deadline: float, idle_timeout: float) -> None:
        """Send `message`; what comes then is put into `answer`.

        Args:
            message: All of it.
            answer: Fails if it has not begun by `deadline`, or if nothing of it comes for `idle_timeout`.
            deadline, idle_timeout: In monotonic seconds.
        """
        self._answer, self._deadline, self._idle_timeout = answer, deadline, idle_timeout
        self._reader.expect(answer)
        self._transport.writelines(message)

    def read_on(self) -> None:
        """Whoever takes the answer has taken all that came."""
        if self._is_paused and self._answer is not None:
            self._is_paused = False
            self._deadline = self._now() + self._idle_timeout
            self._transport.resume_reading()

    def abandon(self, answer: AnswerSink) -> None:
        """Nobody wants `answer` any more: where it is not complete, its connection cannot be used again."""
        if self._answer is answer:
            self.end(Broken("nobody waits for it"))

    def rest(self, until: float) -> None:
        """Nobody uses it; it ends by itself at `until`."""
        self._deadline = until

    def end(self, why: ExchangeFailed) -> None:
        """Close it at once; an answer that is not complete fails."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.fail(why)
            answer.wake()
        self._keeper.retired(self)
        self._transport.abort()

    def end_if_overdue(self, now: float) -> None:
        """Close it where its upstream has not kept a bound."""
        if self._unsent:
            unsent = self._transport.get_write_buffer_size()
            if unsent < self._unsent:
                self._unsent, self._unsent_until = unsent, now + self._limits.writes_within.total_seconds()
        if now >= min(self._deadline, self._unsent_until):
            self.end(Overdue("it took too long"))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.end(NotHTTP("something came that nobody had asked for"))
            return
        try:
            self._reader.feed(data)
        except NotHTTP as error:
            self.end(error)
            return
        if answer.is_complete:
            self._answered()
        elif answer.has_begun:
            self._deadline = self._now() + self._idle_timeout
            if answer.buffered > self._limits.buffered:
                self._pause()
        answer.wake()

    def eof_received(self) -> None:
        if self._answer is not None and self._reader.ends_with_connection:
            self._answer.complete()
        self._broken("it hung up")

    def connection_lost(self, error: Exception | None) -> None:
        self._broken(type(error).__name__ if error else "it hung up")
        self._keeper.lost(self)

    def pause_writing(self) -> None:
        self._unsent = self._transport.get_write_buffer_size()
        self._unsent_until = self._now() + self._limits.writes_within.total_seconds()

    def resume_writing(self) -> None:
        self._unsent, self._unsent_until = 0, math.inf

    def _answered(self) -> None:
        self._answer, self._has_served = None, True
        # An upstream may answer before it has read everything; what it leaves would be the next answer's.
        if self._reader.may_be_followed and not self._transport.get_write_buffer_size():
            self._keeper.released(self)
        else:
            self.end(Broken("it is the last answer"))

    def _pause(self) -> None:
        # Until its pieces are taken, nothing can come.
        self._is_paused, self._deadline = True, math.inf
        self._transport.pause_reading()

    def _broken(self, how: str) -> None:
        untouched = self._has_served and not self._reader.has_heard
        self.end(HungUp(how) if untouched else Broken(how))
