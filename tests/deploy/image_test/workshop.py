"""A place of its own for images and containers, of which nothing is left on the machine."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# The variable that names a workshop that is prepared.
DIRECTORY = "IMAGE_TEST_DIRECTORY"
# The tag of images on a base without a shell.
BARE_TAG = "bare"
# What of it the machine must have; and Debian's package for it.
NEEDED = {
    "aardvark-dns": "aardvark-dns",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "iptables": "iptables",
    "netavark": "netavark",
    "podman": "podman",
    "runc": "runc",
    "setcap": "libcap2-bin",
    "unshare": "util-linux",
}
# crun, Podman's first choice, refuses the cgroups that containers of ours may be in.
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
[network]
network_backend = "netavark"
network_config_dir = "{directory}/networks"
"""
_STORAGE = """
[storage]
driver = "overlay"
graphroot = "{directory}/images"
runroot = "{directory}/running"
"""


@dataclass(frozen=True)
class Workshop:
    """Where images are kept and containers run.

    Args:
        directory: Everything is below it.
    """

    directory: Path

    def prepare(self) -> None:
        """Write the engine's configuration."""
        (self.directory / "networks").mkdir()
        for name, content in (("containers.conf", _CONTAINERS), ("storage.conf", _STORAGE)):
            (self.directory / name).write_text(content.format(directory=self.directory), encoding="utf-8")

    def run(self, *command: str | Path, within: float = 120, **variables: str) -> str:
        """What `command` prints.

        Args:
            within: Seconds that it may take.

        Raises:
            subprocess.CalledProcessError: It failed, and what it printed was shown.
        """
        done = self.attempt(*command, within=within, **variables)
        if done.returncode:
            print(f"$ {' '.join(done.args)}\n{done.stdout}{done.stderr}")
            done.check_returncode()
        return done.stdout.strip()

    def attempt(
        self, *command: str | Path, within: float = 120, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run `command`, which may fail."""
        environment = {**os.environ, **self.variables(), **variables}
        arguments = [str(part) for part in command]
        return subprocess.run(
            arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=within, check=False
        )

    def variables(self) -> dict[str, str]:
        """What tells Buildah, Podman and Compose of this place."""
        return {
            "CONTAINERS_CONF": str(self.directory / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
            "DOCKER_HOST": f"unix://{self.directory}/engine.sock",
        }

    def megabytes(self, image: str) -> float:
        """The size of an image."""
        return int(self.run("podman", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6

    @contextmanager
    def engine(self) -> Iterator[None]:
        """Docker's API, as long as the context lasts."""
        socket = self.directory / "engine.sock"
        command: Sequence[str] = ["podman", "system", "service", "--time", "0", f"unix://{socket}"]
        with (self.directory / "engine.log").open("wb") as log:
            process = subprocess.Popen(command, env={**os.environ, **self.variables()}, stdout=log, stderr=log)
        try:
            for _ in range(100):
                if socket.exists() or process.poll() is not None:
                    break
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(20)
