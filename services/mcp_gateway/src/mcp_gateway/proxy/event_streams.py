"""Event streams (HTML, Server-sent events) of which every event is looked at, and passes as soon as it is complete."""

import re
from collections.abc import AsyncIterator, Callable

# The end of a line and an empty one; a CR alone ends a line too, but not the CR of a CRLF.
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
# Comments and empty lines in front of an event, which keep connections alive and must not wait for it.
_SILENCE = re.compile(rb"(?:(?::[^\r\n]*)?(?:\r\n|\n|\r))+")
_LINE = re.compile(rb"([^\r\n]+)(\r\n|\n|\r|$)")
_BOM = b"\xef\xbb\xbf"


class EventTooLong(Exception):
    """An event does not end within what is kept of one."""


async def rewritten(pieces: AsyncIterator[bytes], data: Callable[[bytes], bytes], longest: int) -> AsyncIterator[bytes]:
    """The stream, with what `data` makes of the data of each event. What it leaves as it is passes byte for byte.

    Raises what `data` raises, and EventTooLong.
    """
    events = Events(data, longest)
    async for piece in pieces:
        if complete := events.feed(piece):
            yield complete
    if left := events.rest():
        yield left


class Events:
    """A stream on its way: pieces in, complete events out. Both methods raise what `data` raises, and EventTooLong.

    Args:
        data: What becomes of the data of an event.
        longest: How much is kept of one.
    """

    def __init__(self, data: Callable[[bytes], bytes], longest: int) -> None:
        self._data = data
        self._longest = longest
        self._held = bytearray()
        self._searched = 0
        self._at_start = True

    def feed(self, piece: bytes) -> bytes:
        """What is complete now, `piece` having come."""
        self._held += piece
        ready = [self._byte_order_mark()] if self._at_start else []
        start = 0
        while True:
            if silence := _SILENCE.match(self._held, start):
                ready.append(bytes(silence[0]))
                start = silence.end()
            end = _END.search(self._held, max(start, self._searched))
            if end is None:
                break
            ready.append(_event(bytes(self._held[start : end.end()]), self._data))
            start = end.end()
        del self._held[:start]
        # What ends an event may have begun with the last bytes.
        self._searched = max(0, len(self._held) - 3)
        if len(self._held) > self._longest:
            raise EventTooLong
        return b"".join(ready)

    def rest(self) -> bytes:
        """What is left at the end. By the standard it is no event; there are clients that take it for one."""
        return _event(bytes(self._held), self._data)

    def _byte_order_mark(self) -> bytes:
        """The one that a stream may begin with, which is no part of its first line."""
        if len(self._held) < len(_BOM) and _BOM.startswith(self._held):
            return b""
        self._at_start = False
        if not self._held.startswith(_BOM):
            return b""
        del self._held[: len(_BOM)]
        return _BOM


def _event(event: bytes, data: Callable[[bytes], bytes]) -> bytes:
    lines = _LINE.findall(event)
    values = [_value(line) for line, _ in lines if _is_data(line)]
    if not values:
        return event
    before = b"\n".join(values)
    after = data(before)
    return event if after == before else _with_data(event, lines, after)


def _with_data(event: bytes, lines: list[tuple[bytes, bytes]], data: bytes) -> bytes:
    """The event with other data where its last line of data was, and every other line as it was."""
    last = max(index for index, (line, _) in enumerate(lines) if _is_data(line))
    # Of that very line: another one could make one line end of two.
    ending = lines[last][1]
    written = [b"" if _is_data(line) else line + end for line, end in lines]
    written[last] = (ending or b"\n").join(b"data: " + line for line in data.split(b"\n")) + ending
    return b"".join(written) + event[sum(len(line) + len(end) for line, end in lines) :]


def _is_data(line: bytes) -> bool:
    return line == b"data" or line.startswith(b"data:")


def _value(line: bytes) -> bytes:
    return line[5:].removeprefix(b" ")
