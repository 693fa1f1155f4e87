"""Where the calls of one MCP server go: to its only endpoint, or among several to the one that has the session."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Protocol

from authproxy_common.clock import Clock
from authproxy_common.frozen import frozen

_LEFT_ALONE = timedelta(seconds=5)


@frozen
class Destination:
    """An endpoint, and the session by the name that it gave it."""

    url: str
    session_id: str | None


class Endpoints(Protocol):
    """The endpoints of one MCP server."""

    def destinations(self, session_id: str | None) -> Sequence[Destination]:
        """Where a call with this session goes: to each next one only when it did not reach the one before."""
        ...

    def session_id(self, created: str, url: str) -> str:
        """What the client is told of a session that the endpoint at `url` calls `created`."""
        ...

    def not_reached(self, url: str) -> None:
        """Nothing listens at `url`."""
        ...


@frozen
class SoleEndpoint:
    """One URL, which has every session."""

    url: str

    def destinations(self, session_id: str | None) -> Sequence[Destination]:
        return (Destination(self.url, session_id),)

    def session_id(self, created: str, url: str) -> str:  # noqa: ARG002  # it is the only one
        return created

    def not_reached(self, url: str) -> None:
        """There is no other."""


class SeveralEndpoints:
    """Calls without a session go round; those of a session go where it was created.

    The session's id that a client gets begins with a tag of the endpoint, so every replica knows the way, also after
    a restart, and nothing has to be kept.

    Args:
        urls: At least two.
        now: The clock.
    """

    def __init__(self, urls: Sequence[str], now: Clock) -> None:
        self.urls = tuple(urls)
        self.now = now
        self._tags = {_tag(url): url for url in urls}
        self._turn = count()
        self._left_alone: dict[str, datetime] = {}

    def destinations(self, session_id: str | None) -> Sequence[Destination]:
        if session_id is None:
            return [Destination(url, None) for url in self._in_turn()]
        tag, _, created = session_id.partition(".")
        if tag in self._tags:
            return (Destination(self._tags[tag], created),)
        # Of nobody, or of an endpoint that is gone: whoever gets it says 404, and then a client begins anew.
        return (Destination(self._in_turn()[0], session_id),)

    def session_id(self, created: str, url: str) -> str:
        return f"{_tag(url)}.{created}"

    def not_reached(self, url: str) -> None:
        self._left_alone[url] = self.now() + _LEFT_ALONE

    def _in_turn(self) -> list[str]:
        """From the next one on; those that could not be reached just now come last."""
        first, now = next(self._turn) % len(self.urls), self.now()
        turned = self.urls[first:] + self.urls[:first]
        return sorted(turned, key=lambda url: self._left_alone.get(url, now) > now)


def _tag(url: str) -> str:
    """A name of the endpoint that does not tell where it is."""
    return base64.urlsafe_b64encode(hashlib.sha256(url.encode()).digest()[:9]).decode()
