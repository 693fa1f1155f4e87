"""The heads of answers in the lane: those that the application's layers make, with what is constant made once."""

from collections.abc import Collection, Mapping
from http import HTTPStatus

from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.upstream_http.writing import LINE_TEXT

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_BODILESS = frozenset({204, 304})


class Heads:
    """Writes them.

    Args:
        passes: Names of the upstream's headers that clients get, in lower case.
        always: What every answer has unless its headers say otherwise.
    """

    def __init__(self, passes: Collection[bytes], always: Mapping[str, str]) -> None:
        self._passes = frozenset(passes)
        self._always = {name.encode(): f"{name}: {value}\r\n".encode() for name, value in always.items()}
        # The upstream's headers can stand in the place of these alone.
        self._unless_said = {name: line for name, line in self._always.items() if name in self._passes}
        self._constant = b"".join(line for name, line in self._always.items() if name not in self._passes)

    def written(self, status: int, headers: RawHeaders, ours: RawHeaders, *, keep_alive: bool) -> tuple[bytes, bool]:
        """The head, and whether the body has to be sent in chunks.

        Args:
            status: The upstream's.
            headers: The upstream's, names in lower case.
            ours: Behind them.
            keep_alive: Whether the connection stays.

        Raises:
            ValueError: There is something in it that could end it early.
        """
        passed = [(name, value) for name, value in headers if name in self._passes]
        said = {name for name, _ in passed}
        is_chunked = b"content-length" not in said and status not in _BODILESS
        lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        lines += [b"%b: %b\r\n" % each for each in passed]
        lines += [line for name, line in self._unless_said.items() if name not in said]
        lines += [b"%b: %b\r\n" % each for each in ours]
        if is_chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        if not keep_alive:
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        if len(head.translate(None, LINE_TEXT)) != 2 * len(lines):
            raise ValueError("there are characters in the head that a head must not have")
        return head + self._constant + b"\r\n", is_chunked
