"""HTTP/1.1 messages with the head of an earlier one, which need no parser.

Who calls again says the same again, but for how long the message is. A parser that read a head reads the same bytes the
same way, so what was made of them still holds. Only the number in `Content-Length` may be another one, and then the
whole message has to be there, with nothing behind it: in every other case the parser is asked, and decides.
"""

import re
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,10})\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"
# A head is kept for as long as its connection.
_LONGEST = 8192


class RepeatedHead(NamedTuple, Generic[T]):
    """A head that was read on a connection.

    Args:
        before, after: Its bytes around the number.
        meaning: What was made of it.
    """

    before: bytes
    after: bytes
    meaning: T

    @classmethod
    def of(cls, message: bytes, length: int, meaning: T) -> "RepeatedHead[T] | None":
        """That of `message`, all of which a parser took for one whole message with a body of `length` bytes.

        None where it does not say that length as a number, has an end before the one that the parser found, or is long.
        """
        if len(message) - length > _LONGEST:
            return None
        head = message[: len(message) - length]
        found = _LENGTH.search(head)
        if found is None or found[1] != b"%d" % length or head.find(_END) != len(head) - len(_END):
            return None
        return cls(head[: found.start(1)], head[found.end(1) :], meaning)

    def body(self, message: bytes) -> bytes | None:
        """The body of `message`, if that is one whole message with this head."""
        before, after, _ = self
        if not message.startswith(before):
            return None
        start = len(before)
        end = message.find(b"\r", start, start + 11)
        if not message.startswith(after, end):
            return None
        body = message[end + len(after) :]
        return body if message[start:end] == b"%d" % len(body) else None
