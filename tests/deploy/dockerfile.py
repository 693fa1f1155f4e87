"""deploy/docker/Dockerfile, parsed; and one stage of it done here, without an engine."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.manifests import ROOT

PATH = ROOT / "deploy/docker/Dockerfile"
_FLAG = re.compile(r"^--[a-z-]+(=\S+)?\s+")


@dataclass(frozen=True)
class Instruction:
    """One line of a stage, however many it takes.

    Args:
        keyword: `COPY`, `RUN`, …
        flags: What stands before the value, `--from=build` say.
        value: The rest.
    """

    keyword: str
    flags: tuple[str, ...]
    value: str

    def exec_form(self) -> list[str] | None:
        """The words of a JSON array; None for what a shell would read."""
        try:
            words: Any = json.loads(self.value.removeprefix("CMD "))
        except json.JSONDecodeError:
            return None
        return words if isinstance(words, list) else None


@dataclass(frozen=True)
class Stage:
    """What begins with `FROM`."""

    name: str
    base: str
    instructions: tuple[Instruction, ...]

    def all(self, keyword: str) -> list[Instruction]:
        """Its instructions of one kind."""
        return [each for each in self.instructions if each.keyword == keyword]


def stages() -> dict[str, Stage]:
    """Every stage, by name."""
    text = re.sub(r"^#.*\n", "", PATH.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", "")
    found: dict[str, Stage] = {}
    for part in re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]:
        first, *lines = [line for line in part.splitlines() if line.strip()]
        base, name = first.split(" AS ")
        found[name] = Stage(name, base, tuple(_instruction(line) for line in lines))
    return found


def lineage(name: str) -> list[Stage]:
    """A stage after those that it is built on."""
    known, chain = stages(), [name]
    while chain[0] in known and known[chain[0]].base in known:
        chain.insert(0, known[chain[0]].base)
    return [known[each] for each in chain]


def is_allowed(path: Path) -> bool:
    """Whether .dockerignore lets a file of the checkout into the build; its last line that fits decides."""
    relative, allowed = str(path.relative_to(ROOT)), True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and _fits(relative, pattern):
            allowed = line.startswith("!")
    return allowed


def copied(name: str) -> dict[Path, Path]:
    """The files that the stage and those below it take from the checkout: each with where it goes, below /src."""
    taken: dict[Path, Path] = {}
    for instruction in (each for stage in lineage(name) for each in stage.all("COPY")):
        *sources, target = instruction.value.split()
        for source in (ROOT / each for each in sources):
            files = [path for path in source.rglob("*") if path.is_file()] if source.is_dir() else [source]
            base = source if source.is_dir() else source.parent
            taken |= {path: Path(target) / path.relative_to(base) for path in files if is_allowed(path)}
    return taken


def install(service: str, directory: Path) -> Path:
    """Do what the service's stage does once the requirements are there; the virtual environment, without them."""
    for path, target in copied(f"build-{service}").items():
        (directory / "src" / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, directory / "src" / target)
    environment = directory / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    here = {"/opt/build/bin/pip": f"{sys.executable} -m pip", "/opt/venv": str(environment), "/wheels": "../wheels"}
    command = lineage(f"build-{service}")[-1].all("RUN")[-1].value
    for there, replacement in here.items():
        command = command.replace(there, replacement)
    variables = {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "HOME": str(directory)}
    subprocess.run(["sh", "-ec", command], cwd=directory / "src", env=variables, check=True, capture_output=True)
    return environment


def _instruction(line: str) -> Instruction:
    keyword, value = line.split(maxsplit=1)
    flags = []
    while flag := _FLAG.match(value):
        flags.append(flag.group().strip())
        value = value[flag.end() :]
    return Instruction(keyword, tuple(flags), value)


def _fits(path: str, pattern: str) -> bool:
    """A pattern fits what it names, and everything below that."""
    parts = path.split("/")
    above = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
    return any(fnmatch.fnmatch(each, pattern) and each.count("/") == pattern.count("/") for each in above)
