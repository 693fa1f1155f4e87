"""The gateways that are compared. Each is started on a core of its own, in front of the same MCP server."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Course:
    """What is laid out for every contestant.

    Args:
        upstream: Origin of the MCP server.
        directory: For its files.
        core: Where it runs.
        bench: The interpreter of the environment that has the other gateways.
    """

    upstream: str
    directory: Path
    core: int
    bench: Path


@dataclass(frozen=True)
class Running:
    """A contestant that is ready.

    Args:
        origin: Where it listens.
        pids: Its processes.
        headers: What a call needs, by the first part of its path.
        redis_mb: How much its Redis holds.
    """

    origin: str
    pids: list[int]
    headers: Callable[[str], Mapping[str, str]]
    redis_mb: Callable[[], float] = float


@dataclass(frozen=True)
class Contestant:
    """One gateway.

    Args:
        name: In the tables.
        start: Starts it.
        kinds: What it can be asked for; a proxy that speaks MCP itself relays no foreign stream.
        connections: At most; more would distort the slow ones.
    """

    name: str
    start: Callable[[Course], AbstractContextManager[Running]]
    kinds: frozenset[str] = frozenset({"json", "k64", "m1", "burst", "paced", "idle"})
    connections: int = 128
