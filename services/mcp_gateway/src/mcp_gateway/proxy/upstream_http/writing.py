"""A request as bytes of which nobody can read two (RFC 9112 §11)."""

import re
from functools import lru_cache

from authproxy_common.errors import InvalidRequest
from authproxy_common.uri import HttpURI
from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.transport import UpstreamRequest

# RFC 9110 §5.6.2.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What may follow the path: no space, no control, no fragment, nothing beyond ASCII.
_QUERY = re.compile(rb"[!\"$-~]*")
# Every octet that may stand in a line (RFC 9110 §5.5). CR, LF and NUL are not among them.
LINE_TEXT = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
# Answers without a body, whatever length they say (RFC 9112 §6.3).
BODILESS = frozenset({204, 304})
# Whom a message is for, how long it is, and what belongs to one connection alone, is said here and by nobody else.
_SAID_HERE = frozenset(
    b"connection content-length expect host keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
)
# Those that are not expected to have a body do not say that theirs is empty (RFC 9110 §8.6).
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class RequestWriter:
    """Writes the requests that go to one URL.

    Args:
        uri: The URL; a query is each request's own.
    """

    def __init__(self, uri: HttpURI) -> None:
        self._path = uri.path.encode("ascii")
        self._host = b"host: %b\r\n" % uri.origin.partition("://")[2].encode("ascii")

    def message(self, request: UpstreamRequest, query: str) -> list[bytes]:
        """The head, and the body where there is one; raises what `head` does."""
        head = self.head(request.method, query, request.headers)
        if request.body:
            return [ended(head, request.method, request.body), request.body]
        return [ended(head, request.method, b"")]

    def head(self, method: str, query: str, headers: RawHeaders) -> bytes:
        """All lines of the head but those that say how long the body is, and that the head ends; see `ended`.

        Raises:
            InvalidRequest: Something in it could end it early or begin another one, or says what is said here alone.
        """
        line = b"%b %b%b HTTP/1.1\r\n" % (_method(method), self._path, _query(query))
        return _checked([line, self._host, *_lines(headers)])


def field_lines(headers: RawHeaders) -> bytes:
    """Further lines for a head; raises what `RequestWriter.head` does."""
    return _checked(_lines(headers))


def ended(head: bytes, method: str, body: bytes) -> bytes:
    """The whole head, before this body."""
    if body or method not in _WITHOUT_BODY:
        return b"%bcontent-length: %d\r\n\r\n" % (head, len(body))
    return head + b"\r\n"


def _lines(headers: RawHeaders) -> list[bytes]:
    return [b"%b%b\r\n" % (_field_name(name), value) for name, value in headers]


def joined(lines: list[bytes]) -> bytes:
    """Lines of a head, each with its end; raises ValueError where one of them is more than one line."""
    text = b"".join(lines)
    if text.translate(None, LINE_TEXT) != b"\r\n" * len(lines):
        raise ValueError("there are characters in the head that a head must not have")
    return text


def _checked(lines: list[bytes]) -> bytes:
    try:
        return joined(lines)
    except ValueError as error:
        raise InvalidRequest("a header has characters that a header must not have") from error


@lru_cache(maxsize=64)
def _method(name: str) -> bytes:
    method = name.encode()
    if not _TOKEN.fullmatch(method):
        raise InvalidRequest("the method is no token (RFC 9110 §9.1)")
    return method


def _query(text: str) -> bytes:
    if not text:
        return b""
    query = text.encode()
    if not _QUERY.fullmatch(query):
        raise InvalidRequest("the query has characters that must be percent-encoded (RFC 3986 §3.4)")
    return b"?" + query


# Clients choose some of the names, so that not all of them can be remembered.
@lru_cache(maxsize=1024)
def _field_name(name: bytes) -> bytes:
    if not _TOKEN.fullmatch(name) or name.lower() in _SAID_HERE:
        raise InvalidRequest("there is a header that cannot be passed on")
    return name + b": "
