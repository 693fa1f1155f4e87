"""`make image`: build the images, on a base that is named by its digest."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ("auth-server", "mcp-gateway", "authproxy-examples")
_PINNED = re.compile(r"\S+@sha256:[0-9a-f]{64}")
_USUAL = "python:3.13-slim-trixie"
_UNPINNED = f"""\
{{name}} has to name an image by its digest, so that the next build has the same base and nobody can exchange it:

  make image PYTHON_IMAGE={_USUAL}@sha256:…

`docker buildx imagetools inspect {_USUAL}` prints the digest. For a trial, UNPINNED=1
builds on what the tag means today."""


class Unpinned(Exception):
    """A base without a digest; the message says what to do."""


def bases(variables: Mapping[str, str]) -> dict[str, str]:
    """The base images, by build argument.

    Raises:
        Unpinned: One has no digest, and `UNPINNED` does not allow that.
    """
    chosen = {name: variables[name] for name in ("PYTHON_IMAGE", "RUNTIME_IMAGE") if variables.get(name)}
    if variables.get("UNPINNED"):
        return {"PYTHON_IMAGE": _USUAL} | chosen
    for name, image in ({"PYTHON_IMAGE": ""} | chosen).items():
        if not _PINNED.fullmatch(image):
            raise Unpinned(_UNPINNED.format(name=name))
    return chosen


def commands(arguments: dict[str, str], variables: Mapping[str, str]) -> Iterator[list[str]]:
    """What builds each image; `BUILD` may be another engine's way to say `docker build`, `TAG` another tag."""
    labels = {"VERSION": project_version(), "REVISION": revision()}
    given = [word for name, value in (arguments | labels).items() for word in ("--build-arg", f"{name}={value}")]
    for target in TARGETS:
        name = f"{target}:{variables.get('TAG') or project_version()}"
        build = shlex.split(variables.get("BUILD") or "docker build")
        yield [*build, "--file", "deploy/docker/Dockerfile", "--target", target, "--tag", name, *given, "."]


def project_version() -> str:
    """That of pyproject.toml, which is the tag too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def revision() -> str:
    """The commit that is built, and whether it is all of it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    described = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return described.stdout.strip() or "unknown"


def main() -> None:
    try:
        arguments = bases(os.environ)
    except Unpinned as problem:
        sys.exit(str(problem))
    for command in commands(arguments, os.environ):
        print(shlex.join(command), flush=True)
        if code := subprocess.run(command, cwd=ROOT, check=False).returncode:
            sys.exit(code)


if __name__ == "__main__":
    main()
