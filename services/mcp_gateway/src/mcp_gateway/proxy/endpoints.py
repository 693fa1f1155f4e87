"""Where the calls of one MCP server go: to its only endpoint, or among several to the one that has the session."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Protocol

from authproxy_common.clock import Clock
from authproxy_common.secret import digest
from mcp_gateway.domain.sessions import SessionPlace

_REMEMBERED = 10_000
_LEFT_ALONE = timedelta(seconds=5)


class Endpoints(Protocol):
    """The endpoints of one MCP server."""

    async def candidates(self, session_id: str | None) -> tuple[str, ...]:
        """URLs to try in order, each next one only when the call did not reach the one before.

        Raises TemporarilyUnavailable when nobody can say where the session is.
        """
        ...

    async def opened(self, session_id: str, url: str) -> None:
        """The endpoint at `url` answered with a session; raises TemporarilyUnavailable when that cannot be kept."""
        ...

    def not_reached(self, url: str) -> None:
        """Nothing listens at `url`."""
        ...


@dataclass(frozen=True, slots=True)
class SoleEndpoint:
    """One URL, which has every session; nothing has to be kept or asked for."""

    url: str

    async def candidates(self, session_id: str | None) -> tuple[str, ...]:  # noqa: ARG002  # it has them all
        return (self.url,)

    async def opened(self, session_id: str, url: str) -> None:
        """It is where every session is."""

    def not_reached(self, url: str) -> None:
        """There is no other."""


class SessionPlaces(Protocol):
    """Where sessions are, for every replica of this gateway."""

    async def get(self, key: str) -> SessionPlace | None:
        """The place, or None; raises TemporarilyUnavailable."""
        ...

    async def put(self, key: str, record: SessionPlace, ttl: timedelta | None = None) -> None:
        """Keep it; raises TemporarilyUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class SeveralEndpoints:
    """Calls without a session go round; those of a session go where it was created.

    Args:
        server: The MCP server's path, which its sessions belong to.
        urls: At least two.
        places: Shared between replicas.
        ttl: How long a session that nobody uses is remembered.
        now: The clock.
    """

    server: str
    urls: tuple[str, ...]
    places: SessionPlaces
    ttl: timedelta
    now: Clock
    _turn: "count[int]" = field(default_factory=count)
    _known: "OrderedDict[str, SessionPlace]" = field(default_factory=OrderedDict)
    _left_alone: dict[str, datetime] = field(default_factory=dict)

    async def candidates(self, session_id: str | None) -> tuple[str, ...]:
        if session_id is None:
            return self._in_turn()
        key = self._key(session_id)
        place = self._known.get(digest(key)) or await self.places.get(key)
        if place is None or place.url not in self.urls:
            # Whoever gets it says 404, and the client begins a new session, as MCP has it.
            return self._in_turn()[:1]
        if self.now() >= place.kept_at + self.ttl / 2:
            await self.opened(session_id, place.url)
        else:
            self._remember(key, place)
        return (place.url,)

    async def opened(self, session_id: str, url: str) -> None:
        key, place = self._key(session_id), SessionPlace(url, self.now())
        await self.places.put(key, place, self.ttl)
        self._remember(key, place)

    def not_reached(self, url: str) -> None:
        self._left_alone[url] = self.now() + _LEFT_ALONE

    def _in_turn(self) -> tuple[str, ...]:
        """From the next one on; those that could not be reached just now come last."""
        first, now = next(self._turn) % len(self.urls), self.now()
        turned = self.urls[first:] + self.urls[:first]
        return tuple(sorted(turned, key=lambda url: self._left_alone.get(url, now) > now))

    def _remember(self, key: str, place: SessionPlace) -> None:
        self._known[digest(key)] = place
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _key(self, session_id: str) -> str:
        return f"{self.server} {session_id}"
