"""Bytes as answers (RFC 9112), strictly: where two programs could disagree about an answer, it is none.

llhttp parses. It refuses what could be disagreed about in fields, lengths and chunks; the rest is refused here.
"""

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.upstream_http.answer import AnswerSink
from mcp_gateway.proxy.upstream_http.failures import NotHTTP
from mcp_gateway.proxy.upstream_http.repeated_heads import RepeatedHead
from mcp_gateway.proxy.upstream_http.writing import BODILESS, LINE_TEXT

_BEGINNINGS = (b"HTTP/1.1 ", b"HTTP/1.0 ")
_BEGINNING = len(_BEGINNINGS[0])
_LENGTH = b"content-length"
_LONGEST_HEAD, _MOST_FIELDS, _MOST_INTERIM = 64 * 1024, 128, 16
# Of what is no body: the head, sizes of chunks and what may be said behind them, trailers. Each piece may bring some.
_OVERHEAD, _OVERHEAD_OF_PIECE = _LONGEST_HEAD + 16 * 1024, 16


class AnswerReader:
    """Reads what comes over one connection, one answer after the other.

    Once an answer is complete, `may_be_followed` says whether the connection can be used for another one. Before,
    `ends_with_connection` says whether the end of the connection is that of the answer (RFC 9112 §6.3).
    """

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._beginning = b""
        self._fields: RawHeaders = []
        self._head_size = 0
        self._has_length = False
        self._encodings: list[bytes] = []
        # With its status, and its fields but the length.
        self._repeated: RepeatedHead[tuple[int, RawHeaders]] | None = None

    def expect(self, answer: AnswerSink) -> None:
        """What comes from now on is `answer`."""
        self._answer = answer
        self._beginning = b""
        self._overhead = self._interim = 0
        self.may_be_followed = self.ends_with_connection = False

    @property
    def has_heard(self) -> bool:
        """Whether anything has come of the answer."""
        return self._beginning != b""

    def feed(self, data: bytes) -> None:
        """Put what `data` says into the answer; raises NotHTTP, also for what came behind a complete one."""
        begins = not self._beginning
        if begins and self._repeats(data):
            return
        if len(self._beginning) < _BEGINNING:
            self._check_beginning(data)
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except (HttpParserError, HttpParserUpgrade) as error:
            raise NotHTTP(str(error)) from error
        if self._overhead > _OVERHEAD:
            raise NotHTTP("there is too much around its body")
        if begins and self._answer.is_complete and self.may_be_followed:
            self._learn(data)

    def _repeats(self, data: bytes) -> bool:
        """Whether `data` is a whole answer with the head of the last one, and said as that was."""
        body = self._repeated.body(data) if self._repeated and not self._answer.to_head else None
        if self._repeated is None or body is None:
            return False
        self._beginning = data[:_BEGINNING]
        self.may_be_followed = True
        status, fields = self._repeated.meaning
        self._answer.begin(status, [*fields, (_LENGTH, b"%d" % len(body))])
        if body:
            self._answer.add(body)
        self._answer.complete()
        return True

    def _learn(self, data: bytes) -> None:
        """`data` is a whole answer."""
        status = self._parser.get_status_code()
        lengths = [int(value) for name, value in self._fields if name == _LENGTH]
        if lengths and status not in BODILESS:
            others = [each for each in self._fields if each[0] != _LENGTH]
            self._repeated = RepeatedHead.of(data, lengths[0], (status, others))

    def _check_beginning(self, data: bytes) -> None:
        # The parser skips empty lines, and takes RTSP and versions of HTTP that are framed in another way.
        self._beginning = (self._beginning + data[:_BEGINNING])[:_BEGINNING]
        if self._beginning not in _BEGINNINGS and not any(each.startswith(self._beginning) for each in _BEGINNINGS):
            raise NotHTTP("it does not begin as an answer does")

    # The parser calls these, and turns what they raise into an error of `feed_data`.

    def on_message_begin(self) -> None:
        if self._answer.is_complete:
            raise NotHTTP("another answer came, which nobody had asked for")
        self._fields, self._encodings, self._head_size, self._has_length = [], [], 0, False

    def on_status(self, reason: bytes) -> None:
        if reason.translate(None, LINE_TEXT):
            raise NotHTTP("its reason has characters that it must not have")

    def on_header(self, raw_name: bytes, raw_value: bytes) -> None:
        if self._answer.has_begun:
            # A trailer. None has a meaning in MCP, and nothing of a head may be said in one (RFC 9110 §6.5.1).
            return
        name, value = raw_name.lower(), raw_value.rstrip(b" \t")
        self._head_size += len(name) + len(value)
        if self._head_size > _LONGEST_HEAD or len(self._fields) == _MOST_FIELDS:
            raise NotHTTP("its head is too long")
        if name == b"transfer-encoding":
            self._encodings.append(value.lower())
        elif name == _LENGTH:
            self._has_length = True
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._pass_over(status)
            return
        if self._encodings or self._interim:
            self._check_encodings(status)
        is_bodiless = self._answer.to_head or status in BODILESS
        self.ends_with_connection = not (is_bodiless or self._has_length or self._encodings)
        self.may_be_followed = self._parser.should_keep_alive() and not self._answer.to_head
        if status == 204:
            # It must not say a length (RFC 9110 §8.6), and whoever is told one may wait for it.
            self._fields = [(name, value) for name, value in self._fields if name != _LENGTH]
        self._answer.begin(status, self._fields)
        if self._answer.to_head:
            # The parser cannot be told that no body follows. It reads no other answer after this one.
            self._answer.complete()

    def on_body(self, piece: bytes) -> None:
        if self._answer.is_complete:
            raise NotHTTP("a body came with an answer that has none")
        self._overhead -= 3 * len(piece) + _OVERHEAD_OF_PIECE
        self._answer.add(piece)

    def on_message_complete(self) -> None:
        if self._answer.has_begun:
            self._answer.complete()

    def _pass_over(self, status: int) -> None:
        """Answers that only announce the real one (RFC 9110 §15.2)."""
        self._interim += 1
        if status in (0, 101) or self._interim > _MOST_INTERIM or self._has_length or self._encodings:
            raise NotHTTP(f"status {status} is no answer to what was asked")

    def _check_encodings(self, status: int) -> None:
        """Chunked, once, and nothing else (RFC 9112 §6.1); the parser reads others until the connection ends."""
        if self._interim and self._parser.get_http_version() not in {"1.0", "1.1"}:
            raise NotHTTP("it does not begin as an answer does")
        if not self._encodings:
            return
        if self._encodings != [b"chunked"] or status == 204 or self._parser.get_http_version() != "1.1":
            raise NotHTTP("nobody can say for certain where it ends")
