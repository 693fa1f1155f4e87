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
from tests.deploy.image_test.workshop import BARE_TAG, DIRECTORY, NEEDED, ROOT, Workshop

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
    on_debian, on_less = {"PYTHON_IMAGE": bases.PYTHON}, {"PYTHON_IMAGE": bases.PYTHON, "RUNTIME_IMAGE": bases.BARE}
    _build(workshop, on_debian, image.project_version())
    _build(workshop, on_less, BARE_TAG)
    for directory in _NOTES:
        workshop.run("mount", "-t", "tmpfs", "tmpfs", directory)
    trial = ["unshare", "--net", sys.executable, "-m", "pytest", "-v", "-s", "tests/deploy/image_test/trial.py"]
    # Where they are, since nothing of them was published.
    here = {variable: f"localhost/{name}" for variable, name in images.items()}
    variables = {**os.environ, **here, DIRECTORY: str(workshop.directory)}
    return subprocess.run(trial, cwd=ROOT, env=variables, check=False).returncode


def _images() -> dict[str, str]:
    """The images that Compose names, by variable."""
    lines = (ROOT / "deploy/compose.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "_IMAGE=" in line)


def _build(workshop: Workshop, arguments: dict[str, str], tag: str) -> None:
    """With the commands of `make image`."""
    base = workshop.megabytes(arguments.get("RUNTIME_IMAGE", arguments["PYTHON_IMAGE"]))
    for command in image.commands(arguments, {"BUILD": _BUILD, "TAG": tag}):
        name = command[command.index("--tag") + 1]
        with _timed(name):
            workshop.run(*command, within=300)
        print(f"{name}: {workshop.megabytes(name):.0f} MB, of which the base has {base:.0f}", flush=True)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


@contextmanager
def _no_cgroups_left() -> Iterator[None]:
    """Remove the empty ones that Podman leaves behind."""
    yield
    for name in ("libpod_parent/conmon", "libpod_parent"):
        for group in Path("/sys/fs/cgroup").glob(f"*/{name}"):
            with suppress(OSError):
                group.rmdir()


if __name__ == "__main__":
    sys.exit(main())
