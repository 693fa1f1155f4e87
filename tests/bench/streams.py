"""What streams cost: an event that is relayed, and a stream on which nothing happens."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.accounting import resident_mb, window
from tests.bench.pacing import open_streams, paced_calls, quantile
from tests.bench.rounds import GATEWAY_CORE, Field

STREAMS, IDLE_STREAMS = 32, 1000
_TRIES = 3


async def cpu_of_events(field: Field, names: Sequence[str], rounds: int, seconds: float) -> dict[str, float]:
    """Microseconds of CPU for each event on streams that have one every ten milliseconds; the middle of what counts."""
    seen: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            seen[name] += await _cpu_of_an_event(field, name, seconds)
    return {name: median(values) if values else float("nan") for name, values in seen.items()}


async def _cpu_of_an_event(field: Field, name: str, seconds: float) -> list[float]:
    """One figure, or none where somebody else took the core all the time."""
    _, running = field.contestants[name]
    url, headers = f"{running.origin}/paced/mcp", running.headers("paced")
    async with open_streams("POST", url, headers, STREAMS) as streams:
        for _ in range(_TRIES):
            before = sum(each.events for each in streams)
            with window(running.pids, GATEWAY_CORE) as seen:
                await asyncio.sleep(seconds)
            if seen.counts:
                return [seen.cpu / (sum(each.events for each in streams) - before) * 1e6]
    return []


async def mb_of_idle_streams(field: Field, name: str) -> float:
    """MB of memory for the second thousand of streams on which nothing happens."""
    _, running = field.contestants[name]
    url, headers = f"{running.origin}/idle/mcp", running.headers("idle")
    async with open_streams("GET", url, headers, IDLE_STREAMS):
        first = resident_mb(running.pids)
        async with open_streams("GET", url, headers, IDLE_STREAMS):
            return resident_mb(running.pids) - first


@dataclass(frozen=True)
class Latency:
    """Of calls at a fixed rate, counted from when each was due; in milliseconds."""

    p50: float
    p99: float

    def added_to(self, direct: "Latency") -> "Latency":
        """What the gateway adds to the way without it."""
        return Latency(self.p50 - direct.p50, self.p99 - direct.p99)


async def latencies(
    field: Field, upstream: str, names: Sequence[str], rounds: int, seconds: float
) -> dict[str, Latency]:
    """By name, and `direct` for the MCP server itself; the middle one of several windows in turn."""
    ways: dict[str, tuple[str, Mapping[str, str]]] = {"direct": (upstream, {})} | {
        name: (field.contestants[name][1].origin, field.contestants[name][1].headers("json")) for name in names
    }
    seen: dict[str, list[Latency]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (origin, headers) in ways.items():
            taken = await paced_calls(f"{origin}/json/mcp", headers, connections=16, per_second=1000, seconds=seconds)
            seen[name].append(Latency(quantile(taken, 0.5) * 1e3, quantile(taken, 0.99) * 1e3))
    return {
        name: Latency(sorted(e.p50 for e in each)[rounds // 2], sorted(e.p99 for e in each)[rounds // 2])
        for name, each in seen.items()
    }
