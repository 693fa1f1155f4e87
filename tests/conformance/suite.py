"""The official conformance suite: where it is, how it is run, and the checks that it leaves behind."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

_MODULES = Path(__file__).resolve().parent / "node_modules"
_PROGRAM = _MODULES / "@modelcontextprotocol/conformance/dist/index.js"
_ENDS_WITHIN = 60.0

Listener = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict of the suite: SUCCESS, FAILURE, WARNING, SKIPPED, or INFO for what is none."""

    scenario: str
    id: str
    status: str
    message: str
    details: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.scenario}: {self.id} {self.status} {self.message}".rstrip()


@dataclass(frozen=True, slots=True)
class Suite:
    """The installed suite and the Node that runs it."""

    node: str

    @classmethod
    def find(cls) -> "Suite | None":
        """None where `make conformance-suite` has not been run."""
        node = next((str(path) for path in _MODULES.glob("node-linux-*/bin/node")), None) or shutil.which("node")
        return cls(node) if node and _PROGRAM.exists() else None

    def command(self, *arguments: str) -> list[str]:
        """The suite as a command."""
        return [self.node, str(_PROGRAM), *arguments]

    async def run(self, *arguments: str, listener: Listener | None = None) -> list[Check]:
        """Every check of a run, in which all scenarios came to an end; `listener` gets all that was printed so far."""
        with tempfile.TemporaryDirectory() as directory, anyio.fail_after(_ENDS_WITHIN):
            command = self.command(*arguments, "--output-dir", directory)
            environment = {"PATH": os.environ["PATH"], "HOME": directory}
            process = await anyio.open_process(command, env=environment, stderr=subprocess.STDOUT)
            printed = ""
            async with process:
                assert process.stdout
                async for piece in process.stdout:
                    printed += piece.decode(errors="replace")
                    if listener:
                        await listener(printed)
            begun = set(re.findall(r"^=== Running scenario: (\S+) ===$", printed, re.MULTILINE))
            results = _results(Path(directory))
            assert begun, printed
            assert begun == results.keys(), printed
            return [check for scenario, path in results.items() for check in _checks(scenario, path)]


def _results(directory: Path) -> dict[str, Path]:
    """By scenario; those of `tools-list` are in a directory `server-tools-list-2026-11-26T15-01-27-914Z`."""
    name = re.compile(r"(?:authorization-server|server)-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
    found = [(name.fullmatch(path.parent.name), path) for path in sorted(directory.glob("*/checks.json"))]
    return {matched[1]: path for matched, path in found if matched}


def _checks(scenario: str, path: Path) -> list[Check]:
    return [
        Check(scenario, each["id"], each["status"], each.get("errorMessage") or "", each.get("details") or {})
        for each in json.loads(path.read_text(encoding="utf-8"))
    ]
