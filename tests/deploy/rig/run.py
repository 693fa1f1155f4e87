"""One run's names and directory, and the sweep of what runs left behind that were killed."""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STATE = Path("/run/authproxy-rig")
_NAMESPACES = Path("/run/netns")


class MissingTool(Exception):
    """What the rig needs and this machine does not have."""


@dataclass(frozen=True)
class Run:
    """Names of one run's namespaces begin with `name`; everything on disk is in `directory`."""

    name: str
    directory: Path

    def namespace(self, of: str) -> str:
        """The name of a network namespace of this run's own."""
        return f"{self.name}-{of}"


@contextlib.contextmanager
def claimed_run() -> Iterator[Run]:
    """A run of our own, after what dead ones left is gone; leaves nothing behind itself.

    Raises:
        MissingTool: Names everything that is missing at once.
    """
    _check_tools()
    STATE.mkdir(mode=0o700, exist_ok=True)
    with _locked(STATE / "starting"):
        for directory in STATE.glob("rig*/"):
            _sweep_if_dead(directory)
        run = Run(name := f"rig{secrets.token_hex(3)}", STATE / name)
        run.directory.mkdir(mode=0o711)
        # Held until this process ends, however it ends.
        alive = (run.directory / "alive").open("w")
        fcntl.flock(alive, fcntl.LOCK_EX)
    try:
        yield run
    finally:
        _sweep(run.directory)
        alive.close()


def command(*arguments: str, standard_input: str = "") -> str:
    """Run a tool of the system; its output. Raises AssertionError with its words where it fails."""
    done = subprocess.run(arguments, input=standard_input, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}{standard_input}"
    return done.stdout


def _check_tools() -> None:
    missing = [tool for tool in ("ip", "nft", "bwrap", "nsenter", "setpriv", "nginx") if shutil.which(tool) is None]
    needs = [f"{tool} is not installed" for tool in missing]
    if os.geteuid() != 0:
        needs.insert(0, "network namespaces and other users' processes are root's to make")
    if needs:
        raise MissingTool(f"the manifests cannot be run here: {'; '.join(needs)}. CONTRIBUTING.md says what is needed.")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep_if_dead(directory: Path) -> None:
    with (directory / "alive").open("a") as alive, contextlib.suppress(BlockingIOError):
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sweep(directory)


def _sweep(directory: Path) -> None:
    """End every process in a namespace of that run, and remove the namespaces and the files."""
    for namespace in _NAMESPACES.glob(f"{directory.name}-*"):
        for pid in command("ip", "netns", "pids", namespace.name).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        command("ip", "netns", "delete", namespace.name)
    shutil.rmtree(directory)
