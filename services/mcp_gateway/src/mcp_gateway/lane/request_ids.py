"""Request ids for calls that bring none: random, and drawn many at a time, since each draw asks the kernel."""

import secrets

_LENGTH = 16
_DRAWN_AT_ONCE = 256


class RequestIds:
    """Hands them out, each once."""

    def __init__(self) -> None:
        self._left: list[bytes] = []

    def next(self) -> bytes:
        """An id as `RequestId` makes them."""
        if not self._left:
            drawn = secrets.token_hex(_LENGTH // 2 * _DRAWN_AT_ONCE).encode()
            self._left = [drawn[begin : begin + _LENGTH] for begin in range(0, len(drawn), _LENGTH)]
        return self._left.pop()
