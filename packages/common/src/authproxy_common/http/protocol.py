"""The server's protocol, on which both services are served."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HTTPProtocol(HttpToolsProtocol):
    """One connection, whose trailers are dropped (RFC 9110 §6.5.1).

    Uvicorn puts them among the headers, where they would say who calls after it was asked, or from where.
    """

    is_head_read = False

    def on_message_begin(self) -> None:
        self.is_head_read = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_head_read:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.is_head_read = True
        super().on_headers_complete()
