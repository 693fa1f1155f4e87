"""Contestants measured in turn, several times over: what disturbs one window disturbs the next one too."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.bench.accounting import window
from tests.bench.contestants import Contestant, Course, Running
from tests.bench.load import wrk

GATEWAY_CORE, LOAD_CORE = 0, 1
_TRIES = 3


@dataclass(frozen=True)
class Calls:
    """What is measured.

    Args:
        kind: What the MCP server answers.
        connections: That call at once.
    """

    kind: str
    connections: int


@dataclass
class Cost:
    """What was measured of one contestant.

    Args:
        cpu: Microseconds of CPU for each call, of each window that counts.
        rate: Calls a second.
        used: Share of the core.
        dropped: Windows in which somebody else took the core.
    """

    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    dropped: int = 0

    @property
    def microseconds(self) -> float:
        """CPU of a call, the median."""
        return median(self.cpu) if self.cpu else float("nan")


@dataclass(frozen=True)
class Field:
    """All that run, by name."""

    contestants: Mapping[str, tuple[Contestant, Running]]
    directory: Path

    def cost(self, what: Calls, names: Sequence[str], rounds: int, seconds: int) -> dict[str, Cost]:
        """Measure those that can be asked for this, one after the other, so many times."""
        costs = {name: Cost() for name in names if what.kind in self.contestants[name][0].kinds}
        for _ in range(rounds):
            for name, cost in costs.items():
                self._measure(what, name, cost, seconds)
        return costs

    def by_connections(self, name: str, connections: Sequence[int], rounds: int, seconds: int) -> list[Cost]:
        """What a call costs where so many connections call at once, each number in its turn."""
        costs = [Cost() for _ in connections]
        for _ in range(rounds):
            for count, cost in zip(connections, costs, strict=True):
                self._measure(Calls("json", count), name, cost, seconds)
        return costs

    def _measure(self, what: Calls, name: str, cost: Cost, seconds: int) -> None:
        contestant, running = self.contestants[name]
        url, headers = f"{running.origin}/{what.kind}/mcp", running.headers(what.kind)
        connections = min(what.connections, contestant.connections)
        for _ in range(_TRIES):
            with window(running.pids, GATEWAY_CORE) as seen:
                counted = wrk(url, headers, connections, seconds, LOAD_CORE, self.directory)
            if counted.failed or not counted.calls:
                raise RuntimeError(f"{name}: {counted.failed} of {counted.calls} calls of {what.kind} failed")
            if seen.counts:
                cost.cpu.append(seen.cpu / counted.calls * 1e6)
                cost.rate.append(counted.calls / counted.seconds)
                cost.used.append(seen.cpu / seen.seconds)
                return
            cost.dropped += 1


@contextmanager
def started(contestants: Sequence[Contestant], upstream: str, directory: Path, bench: Path) -> Iterator[Field]:
    """All of them, each in a directory of its own."""
    with ExitStack() as stack:
        running = {}
        for number, each in enumerate(contestants):
            course = Course(upstream, directory / str(number), GATEWAY_CORE, bench)
            running[each.name] = (each, stack.enter_context(each.start(course)))
        yield Field(running, directory)
