"""The heads of answers in the lane: those that the application's layers make, with what repeats made once."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from http import HTTPStatus

from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.upstream_http.writing import BODILESS, joined

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_LENGTH = b"content-length"
# MCP servers answer with the same fields again and again; a session brings one that is its own.
_REMEMBERED = 256


class Heads:
    """Writes them.

    Args:
        passes: Names of the upstream's headers that clients get, in lower case.
        always: What every answer has unless its headers say otherwise.
    """

    def __init__(self, passes: Collection[bytes], always: Mapping[str, str]) -> None:
        self._repeated = frozenset(passes) - {_LENGTH}
        self._always = {name.encode(): f"{name}: {value}\r\n".encode() for name, value in always.items()}
        self._beginning = lru_cache(_REMEMBERED)(self._written)
        self._server: tuple[RawHeaders, bytes] = [], b""

    def written(
        self, status: int, headers: RawHeaders, request_id: bytes, server: RawHeaders, *, keep_alive: bool
    ) -> tuple[bytes, bool]:
        """The head, and whether the body has to be sent in chunks.

        Args:
            status: The upstream's.
            headers: The upstream's, names in lower case.
            request_id: Well-formed.
            server: What every answer of the server has. A list is not changed: what has become different is another.
            keep_alive: Whether the connection stays.

        Raises:
            ValueError: There is something in it that could end it early.
        """
        repeated = tuple([each for each in headers if each[0] in self._repeated])
        lengths = [value for name, value in headers if name == _LENGTH]
        beginning = self._beginning(status, repeated, keep_alive)
        if server is not self._server[0]:
            self._server = server, joined([b"%b: %b\r\n" % each for each in server])
        is_chunked = False
        if lengths:
            length = b"content-length: %d\r\n" % int(lengths[0])
        elif status in BODILESS:
            length = b""
        else:
            length, is_chunked = b"transfer-encoding: chunked\r\n", True
        return b"%b%bx-request-id: %b\r\n%b\r\n" % (beginning, length, request_id, self._server[1]), is_chunked

    def _written(self, status: int, headers: RawHeaders, keep_alive: bool) -> bytes:
        said = {name for name, _ in headers}
        lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        lines += [b"%b: %b\r\n" % each for each in headers]
        lines += [line for name, line in self._always.items() if name not in said]
        if not keep_alive:
            lines.append(b"connection: close\r\n")
        return joined(lines)
