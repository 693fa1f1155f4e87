"""Whether a call costs more where there is more: servers, grants, a policy. And what starting and remembering cost."""

import compileall
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import authproxy_common
import mcp_gateway
from tests.bench.accounting import cpu_of, resident_mb
from tests.bench.contestants import Contestant, Course
from tests.bench.contestants.ours import Change, started
from tests.bench.rounds import GATEWAY_CORE

_IMPORTS = "import starlette, uvicorn, httpx"


def variant(name: str, change: Change, grants: int = 0) -> Contestant:
    """This gateway, configured differently, with so many grants of others in its Redis."""
    return Contestant(name, lambda course: started(course, change, grants=grants))


def with_servers(count: int) -> Change:
    """So many MCP servers in all."""

    def change(config: dict[str, Any]) -> None:
        url = next(iter(config["servers"].values()))["url"]
        for number in range(count - len(config["servers"])):
            config["servers"][f"more-{number}"] = {"url": url}

    return change


def with_policy(config: dict[str, Any]) -> None:
    """Every server has one that has to read the message, and allows what is called."""
    for server in config["servers"].values():
        server["tools"] = {"include_tools": ["echo", "list_*"], "exclude_tools": ["delete_*"]}


VARIANTS: dict[str, Callable[[], Contestant]] = {
    "10 servers": lambda: variant("10 servers", with_servers(10)),
    "100 servers": lambda: variant("100 servers", with_servers(100)),
    "100,000 grants": lambda: variant("100,000 grants", lambda config: None, grants=100_000),
    "a policy for tools": lambda: variant("a policy for tools", with_policy),
}


def redis_mb_of_ten_thousand_grants(upstream: str, directory: Path, bench: Path) -> float:
    """MB in Redis for ten thousand grants, each with the tokens of a sign-in."""
    course = Course(upstream, directory / "remembered", GATEWAY_CORE, bench)
    with started(course) as none, started(replace(course, directory=directory / "many"), grants=10_000) as many:
        return many.redis_mb() - none.redis_mb()


def cpu_of_a_start(upstream: str, directory: Path, bench: Path, times: int) -> tuple[float, float, float]:
    """Seconds of CPU until the gateway listens, those of importing what it stands on, and its MB when it is ready."""
    gateway, imports, memory = [], [], []
    _compile_sources()
    for number in range(times):
        with started(Course(upstream, directory / f"start-{number}", GATEWAY_CORE, bench)) as running:
            gateway.append(cpu_of(running.pids))
            memory.append(resident_mb(running.pids))
        before = os.times()
        subprocess.run([sys.executable, "-c", _IMPORTS], check=True)
        after = os.times()
        imports.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return median(gateway), median(imports), median(memory)


def _compile_sources() -> None:
    """As the image has them, and as pip leaves what they stand on: here, bytecode of a changed file may be missing."""
    for package in (authproxy_common, mcp_gateway):
        for directory in package.__path__:
            compileall.compile_dir(directory, quiet=1)
