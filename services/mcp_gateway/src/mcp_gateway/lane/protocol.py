"""The server's protocol, with a lane beside the application.

Of uvicorn it relies on what its own callbacks do with `cycle`, `pipeline` and `parser`; the tests of this room run
against the version that is pinned.
"""

from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mcp_gateway.lane.call import Call
from mcp_gateway.proxy.headers import RawHeaders

_LONGEST_MESSAGE = 64 * 1024


class Lane(Protocol):
    """Which calls pass beside the application."""

    def leads_to(self, target: bytes, method: bytes, port: int | None) -> bool:
        """Whether a call of that request target, at that port, might pass."""
        ...

    def begin(self, visitor: "LaneProtocol", message: bytes) -> Call | None:
        """The call, on its way to the MCP server; None, with nothing done, where it is the application's."""
        ...


class LaneProtocol(HttpToolsProtocol):
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

    # What the parser says.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_latest = False

    def on_headers_complete(self) -> None:
        if self._may_pass():
            self._message = bytearray()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._message is None or self.call:
            super().on_body(body)
            return
        self._message += body
        if len(self._message) > _LONGEST_MESSAGE:
            self._leave_to_application()

    def on_message_complete(self) -> None:
        if self._message is None or self.call:
            super().on_message_complete()
            return
        call = self.lane.begin(self, bytes(self._message))
        if call is None:
            self._leave_to_application()
            super().on_message_complete()
        else:
            # What comes behind it on this connection waits for it.
            self.call = self.cycle = call  # type: ignore[assignment]  # stands for one
            self._is_latest = True

    # What the transport says.

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
        call, self.call, self._message = self.call, None, None
        if call and not call.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def try_otherwise(self) -> bool:
        call = self.call
        if call is None or not self._is_latest:
            return False
        self.call, call.response_complete = None, True
        self._leave_to_application()
        self.cycle.keep_alive = call.keep_alive
        super().on_message_complete()
        return True

    def _may_pass(self) -> bool:
        """Nothing else is under way on this connection, and nothing about the request is unusual."""
        under_way: Any = self.cycle
        if under_way is not None and not under_way.response_complete:
            return False
        if self.expect_100_continue or self.parser.should_upgrade() or self.parser.get_http_version() != "1.1":
            return False
        return self.lane.leads_to(self.url, self.parser.get_method(), self.server[1] if self.server else None)

    def _leave_to_application(self) -> None:
        message, self._message = self._message, None
        super().on_headers_complete()
        if message:
            super().on_body(bytes(message))
