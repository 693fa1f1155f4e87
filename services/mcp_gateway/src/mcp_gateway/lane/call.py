"""A call on its way: whoever asked on one side, the MCP server's connection on the other, and nothing in between."""

import asyncio
import json
import time
from functools import partial

import structlog

from authproxy_common.errors import BadGateway, OAuthError
from authproxy_common.http.error_answers import note_refusal, refusal_body
from mcp_gateway.lane.around import AroundCalls, Unheard, Visitor
from mcp_gateway.lane.journal import Caption
from mcp_gateway.lane.passages import Passage
from mcp_gateway.proxy.event_streams import Events, EventTooLong
from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.relaying import CLIENT_READS_WITHIN
from mcp_gateway.proxy.statuses import CredentialsRefused, check_status
from mcp_gateway.proxy.tool_lists import Shown, Unreadable
from mcp_gateway.proxy.upstream_http.connection import Connection
from mcp_gateway.proxy.upstream_http.exchange import no_answer
from mcp_gateway.proxy.upstream_http.failures import Broken, ExchangeFailed, HungUp, NotHTTP
from mcp_gateway.proxy.upstream_http.pool import Place

log = structlog.get_logger("proxy")

_LAST_CHUNK = b"0\r\n\r\n"


class Call:
    """What the MCP server answers is written to whoever asked, as it comes.

    To the MCP server's connection it is the answer that is being read; see `Answer`. To the server's protocol it stands
    for a `RequestResponseCycle`, of which that knows `response_complete`, `disconnected`, `keep_alive` and
    `message_event`.

    Args:
        visitor: Who asked.
        around: What all calls need.
        passage: How it passes.
        caption: Its method, path and request id.
        shown: What of an event stream is shown; None: all.
    """

    __slots__ = tuple(
        "passage keep_alive is_complete response_complete disconnected _visitor _heads _journal _caption _shown "
        "_events _place _connection _begun_at _answered_after _status _is_chunked _unwritten _refusal _patience".split()
    )

    to_head = False
    message_event = Unheard()

    def __init__(
        self,
        visitor: Visitor,
        around: AroundCalls,
        passage: Passage,
        caption: Caption,
        shown: Shown | None,
    ) -> None:
        self._visitor, self._heads, self._journal = visitor, around.heads, around.journal
        self.passage, self._caption = passage, caption
        self._shown = shown
        self._events: Events | None = None
        self.keep_alive = visitor.keeps_alive()
        self.response_complete = self.disconnected = self.is_complete = False
        self._connection: Connection | None = None
        self._begun_at, self._answered_after = time.perf_counter(), 0.0
        self._status = 0
        self._is_chunked = False
        self._unwritten: list[bytes] = []
        self._refusal: OAuthError | None = None
        self._place: Place | None = None
        self._patience: asyncio.TimerHandle | None = None

    def ask(self, connection: Connection, message: bytes, deadline: float) -> None:
        """Send `message`; the answer begins by `deadline`, in the event loop's time."""
        self._connection = connection
        connection.ask([message], self, deadline, self.passage.route.idle_within)

    def wait(self, place: Place, message: bytes, deadline: float) -> None:
        """The same, once there is a connection in `place`."""
        self._place = place
        place.add_done_callback(partial(self._called_up, message, deadline))

    # What the MCP server's connection says.

    @property
    def has_begun(self) -> bool:
        """Whether the head of the answer was there."""
        return self._status > 0

    @property
    def buffered(self) -> int:
        """What the visitor has not taken yet, in bytes."""
        return self._visitor.transport.get_write_buffer_size()

    def begin(self, status: int, headers: RawHeaders) -> None:
        """The head has come."""
        try:
            check_status(status)
            if self._shown and (events := self._shown.events(headers)):
                self._events = events
                headers = [each for each in headers if each[0] != b"content-length"]
            head = self._head(status, headers)
        except BadGateway as error:
            self._refusal = error
            # The connection ends with it, and says so to `fail`.
            raise NotHTTP(error.description) from error
        except ValueError as error:
            raise NotHTTP(str(error)) from error
        self._status = status
        self._answered_after = time.perf_counter() - self._begun_at
        self._unwritten.append(head)

    def add(self, piece: bytes) -> None:
        """A piece of the body has come."""
        if self._events:
            try:
                piece = self._events.feed(piece)
            except (Unreadable, EventTooLong) as error:
                raise NotHTTP(type(error).__name__) from error
        if piece:
            self._write(piece)

    def _head(self, status: int, headers: RawHeaders) -> bytes:
        server, request_id = self._visitor.server_headers(), self._caption.request_id
        head, self._is_chunked = self._heads.written(status, headers, request_id, server, keep_alive=self.keep_alive)
        return head

    def _write(self, piece: bytes) -> None:
        if self._is_chunked:
            self._unwritten += (b"%x\r\n" % len(piece), piece, b"\r\n")
        else:
            self._unwritten.append(piece)

    def complete(self) -> None:
        """That was all."""
        if self._events:
            self._write_rest(self._events)
        self.is_complete = True
        if self._is_chunked:
            self._unwritten.append(_LAST_CHUNK)

    def fail(self, failure: ExchangeFailed) -> None:
        """Nothing more will come, and this is why."""
        # A whole answer stays one, whatever became of its connection then; `wake` passes it on.
        if self.response_complete or self.is_complete:
            return
        with structlog.contextvars.bound_contextvars(request_id=self._caption.request_id.decode()):
            if self.has_begun:
                self._break_off(failure)
            elif not (self._may_be_repeated(failure) and self._visitor.try_otherwise()):
                self._refuse(self._refusal or no_answer(failure))

    def wake(self) -> None:
        """All that came in one piece was said."""
        if self._unwritten:
            unwritten, self._unwritten = self._unwritten, []
            self._visitor.transport.write(b"".join(unwritten))
        if self.is_complete and not self.response_complete:
            self._end()
            self._visitor.answered()

    # What the server's protocol says.

    def leave(self) -> None:
        """The visitor is gone."""
        if not self.response_complete:
            self._end()
            if self._connection:
                self._connection.abandon(self)
            if self._place:
                self.passage.route.pool.give_up(self._place)

    def pause(self) -> None:
        """The visitor takes nothing at the moment."""
        self._patience = asyncio.get_running_loop().call_later(CLIENT_READS_WITHIN, self._lose_patience)

    def resume(self) -> None:
        """The visitor has taken nearly everything."""
        self._stop_waiting()
        if self._connection and not self.is_complete:
            self._connection.read_on()

    def _called_up(self, message: bytes, deadline: float, place: Place) -> None:
        if self.response_complete or place.cancelled():
            return
        try:
            self._place, connection = None, place.result()
            # It may have ended since it was handed over.
            if connection.is_open:
                self.ask(connection, message, deadline)
            else:
                self.wait(self.passage.route.pool.place(deadline), message, deadline)
        except OAuthError as error:
            self._refusal = error
            self.fail(Broken("it was not reached"))
            self.wake()

    def _lose_patience(self) -> None:
        log.warning("client_stopped_reading", request_id=self._caption.request_id.decode())
        self._visitor.transport.abort()

    def _write_rest(self, events: Events) -> None:
        """What is left of an event stream that was looked at."""
        try:
            left = events.rest()
        except (Unreadable, EventTooLong) as error:
            raise NotHTTP(type(error).__name__) from error
        if left:
            self._write(left)

    def _may_be_repeated(self, failure: ExchangeFailed) -> bool:
        """Whether the application may ask once more: where nothing was done yet, as it would itself."""
        hung_up = isinstance(failure, HungUp) and self._caption.method != "POST"
        return hung_up or isinstance(self._refusal, CredentialsRefused)

    def _refuse(self, error: OAuthError) -> None:
        note_refusal(error, self._journal.metrics)
        body = json.dumps(refusal_body(error, self._caption.request_id.decode())).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in error.headers().items()]
        self._status = error.status
        self._answered_after = time.perf_counter() - self._begun_at
        self._unwritten = [self._head(error.status, headers), body]
        self.is_complete = True

    def _break_off(self, failure: ExchangeFailed) -> None:
        """The visitor sees a broken stream, not a short message."""
        self._journal.metrics.dependency_failures.labels("upstream").inc()
        log.warning("upstream_gone", cause=str(failure))
        self.wake()
        self._end()
        self.keep_alive = False
        self._visitor.answered()

    def _end(self) -> None:
        self.response_complete = True
        self._stop_waiting()
        ended_after = time.perf_counter() - self._begun_at
        # As the access log has it where nothing was answered.
        status = self._status or 500
        self._journal.note(self._caption, status, self._answered_after, ended_after)

    def _stop_waiting(self) -> None:
        if self._patience:
            self._patience.cancel()
            self._patience = None
