"""The whole of it, in namespaces of its own: mounts and processes end with it, whatever happens."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts import image
from tests.deploy.image_test import bases
from tests.deploy.image_test.workshop import DIRECTORY, NEEDED, ROOT, Workshop

_NAMESPACES = "unshare --mount --pid --fork --kill-child --mount-proc".split()
_BUILD = "buildah bud --isolation chroot --format docker --pull-never --layers --quiet"
# Where Podman and runc note what runs, wherever its images are.
_NOTES = ("/run", "/dev/shm")
_AT_MOST = 900.0


def main() -> int:
    """The exit code."""
    if sys.argv[1:]:
        return _inside(Workshop(Path(sys.argv[1])))
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    path = f"{os.environ['PATH']}:/usr/lib/podman"
    if missing := sorted({package for name, package in NEEDED.items() if not shutil.which(name, path=path)}):
        sys.exit(f"make image-test needs Debian's packages {' '.join(missing)}")
    if os.geteuid() != 0:
        sys.exit("make image-test makes namespaces and networks, and has to be run as root")
    with tempfile.TemporaryDirectory(prefix="authproxy-image-test-") as directory, _no_cgroups_left():
        command = [*_NAMESPACES, sys.executable, "-m", "tests.deploy.image_test", directory]
        return subprocess.run(command, cwd=ROOT, check=False, timeout=_AT_MOST).returncode


def _inside(workshop: Workshop) -> int:
    workshop.prepare()
    images = _images()
    with _timed("base images"):
        bases.make(workshop, images["VALKEY_IMAGE"], images["CADDY_IMAGE"])
    _build_on_the_bare_base(workshop)
    _build(workshop, {"PYTHON_IMAGE": bases.PYTHON}, images)
    for directory in _NOTES:
        workshop.run("mount", "-t", "tmpfs", "tmpfs", directory)
    trial = ["unshare", "--net", sys.executable, "-m", "pytest", "-v", "-s", "tests/deploy/image_test/trial.py"]
    variables = {**os.environ, DIRECTORY: str(workshop.directory)}
    return subprocess.run(trial, cwd=ROOT, env=variables, check=False).returncode


def _images() -> dict[str, str]:
    """The images that Compose names, by variable."""
    lines = (ROOT / "deploy/compose.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "_IMAGE=" in line)


def _build(workshop: Workshop, arguments: dict[str, str], images: dict[str, str]) -> None:
    """With the commands of `make image`."""
    for command, name in zip(image.commands(arguments, {"BUILD": _BUILD}), _ours(images), strict=True):
        with _timed(name):
            workshop.run(*command, within=300)
        workshop.run("buildah", "tag", f"localhost/{name}", f"docker.io/library/{name}")
        size, base = workshop.megabytes(name), workshop.megabytes(arguments["PYTHON_IMAGE"])
        print(f"{name}: {size:.0f} MB, of which the base has {base:.0f}", flush=True)


def _ours(images: dict[str, str]) -> list[str]:
    return [images[name] for name in ("AUTH_SERVER_IMAGE", "MCP_GATEWAY_IMAGE", "EXAMPLES_IMAGE")]


def _build_on_the_bare_base(workshop: Workshop) -> None:
    """Without a shell too, the services start."""
    arguments = {"PYTHON_IMAGE": bases.PYTHON, "RUNTIME_IMAGE": bases.BARE}
    for command in list(image.commands(arguments, {"BUILD": _BUILD, "TAG": "bare"}))[:2]:
        name = command[command.index("--tag") + 1]
        workshop.run(*command, within=300)
        workshop.run("podman", "run", "--rm", "--read-only", "--network", "none", name, "--help")
        print(f"{name}: {workshop.megabytes(name):.0f} MB, and starts", flush=True)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


@contextmanager
def _no_cgroups_left() -> Iterator[None]:
    """Remove the empty ones that Podman leaves behind."""
    yield
    for group in Path("/sys/fs/cgroup").glob("*/libpod_parent"):
        with suppress(OSError):
            group.rmdir()


if __name__ == "__main__":
    sys.exit(main())
