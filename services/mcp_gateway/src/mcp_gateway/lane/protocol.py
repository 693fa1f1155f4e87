"""The server's protocol, with a lane beside the application.

Of uvicorn it relies on what its own callbacks do with `cycle`, `pipeline` and `parser`; the tests of this room run
against the version that is pinned.
"""

from typing import Any, Protocol

from authproxy_common.http.protocol import HTTPProtocol
from mcp_gateway.lane.around import Visitor
from mcp_gateway.lane.call import Call
from mcp_gateway.lane.passages import Passage
from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.upstream_http.repeated_heads import RepeatedHead


class Lane(Protocol):
    """Which calls pass beside the application.

    Args:
        longest_message: What is longer does not, in bytes.
    """

    longest_message: int

    def leads_to(self, target: bytes, method: bytes, port: int | None) -> bool:
        """Whether a call of that request target, at that port, might pass."""
        ...

    def passage(self, visitor: "LaneProtocol") -> Passage | None:
        """How a call with the head that was just read passes; None where it is the application's."""
        ...

    def begin(self, visitor: Visitor, passage: Passage, message: bytes) -> Call | None:
        """The call, on its way to the MCP server; None, with nothing done, where it is the application's."""
        ...


class LaneProtocol(HTTPProtocol):
    """One connection.

    Args:
        lane: Asked about each request once it is complete.
        settings: Of uvicorn's protocol.
    """

    def __init__(self, lane: Lane, **settings: Any) -> None:
        super().__init__(**settings)
        self.lane = lane
        self.call: Call | None = None
        # Of the request that is being read, or passes: its message, and whether nothing has been read of another one.
        self._message: bytearray | None = None
        self._is_latest = False
        # All of the request that passes, where the parser has not read it.
        self._unread: bytes | None = None
        # Whether nothing of a request has been read whose rest is still to come.
        self._is_between = True
        self._repeated: RepeatedHead[Passage] | None = None

    # What the parser says.

    def on_message_begin(self) -> None:
        # The scope, which only the application needs, is made when it gets the request.
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._is_latest = self._is_between = self.is_head_read = False

    def on_headers_complete(self) -> None:
        if self._may_pass():
            self._message, self.is_head_read = bytearray(), True
        else:
            self._begin_for_application()

    def on_body(self, body: bytes) -> None:
        if self._message is None or self.call:
            super().on_body(body)
            return
        self._message += body
        if len(self._message) > self.lane.longest_message:
            self._leave_to_application()

    def on_message_complete(self) -> None:
        self._is_between = True
        if self._message is None or self.call:
            super().on_message_complete()
            return
        passage = self.lane.passage(self)
        if passage is None or not self._passes(passage, bytes(self._message)):
            self._leave_to_application()
            super().on_message_complete()

    # What the transport says.

    def data_received(self, data: bytes) -> None:
        begins = self._is_between and self.call is None
        if begins and self._passes_again(data):
            return
        super().data_received(data)
        if begins and self._is_latest and self.call and self._message is not None and self.call.passage.may_repeat:
            self._repeated = RepeatedHead.of(data, len(self._message), self.call.passage)

    def connection_lost(self, exc: Exception | None) -> None:
        call, self.call = self.call, None
        if call:
            call.leave()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.call:
            self.call.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.call:
            self.call.resume()

    # What the call says.

    def keeps_alive(self) -> bool:
        return bool(self.parser.should_keep_alive())

    def server_headers(self) -> RawHeaders:
        return self.server_state.default_headers

    def answered(self) -> None:
        call, self.call, self._message, self._unread = self.call, None, None, None
        if call and not call.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def try_otherwise(self) -> bool:
        call = self.call
        if call is None or not self._is_latest:
            return False
        self.call, call.response_complete = None, True
        if self._unread is None:
            self._leave_to_application()
            super().on_message_complete()
        else:
            # What the parser says of a request is what it said of the last one that it has read.
            self.parser.feed_data(self._unread)
            self._unread = None
        self.cycle.keep_alive = call.keep_alive
        return True

    def _passes_again(self, data: bytes) -> bool:
        """Whether this is a call with the head of the last one, and now under way as that was."""
        message = self._repeated.body(data) if self._repeated else None
        if self._repeated is None or message is None or not self._is_free:
            return False
        self._unset_keepalive_if_required()
        if not self._passes(self._repeated.meaning, message):
            return False
        self._unread = data
        return True

    def _passes(self, passage: Passage, message: bytes) -> bool:
        call = self.lane.begin(self, passage, message)
        if call is None:
            return False
        # What comes behind it on this connection waits for it.
        self.call = self.cycle = call  # type: ignore[assignment]  # stands for one
        self._is_latest = True
        return True

    @property
    def _is_free(self) -> bool:
        """Whether nothing is under way on this connection, and whoever asks reads what is answered."""
        under_way: Any = self.cycle
        return (under_way is None or under_way.response_complete) and not self.flow.write_paused

    def _may_pass(self) -> bool:
        """Nothing else is under way, and nothing about the request is unusual."""
        if not self._is_free or self._unread is not None:
            return False
        if self.expect_100_continue or self.parser.should_upgrade() or self.parser.get_http_version() != "1.1":
            return False
        return self.lane.leads_to(self.url, self.parser.get_method(), self.server[1] if self.server else None)

    def _begin_for_application(self) -> None:
        url, headers, waits = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, waits
        # The scope has this very list.
        self.headers += headers
        super().on_headers_complete()

    def _leave_to_application(self) -> None:
        message, self._message = self._message, None
        self._begin_for_application()
        if message:
            super().on_body(bytes(message))
