"""A container: a process in a root of its own, with the manifest's user and rights, that writes to volumes alone."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.rig.manifests import NotRunnable, Object
from tests.deploy.rig.network import entering

# The system that stands for an image's: programs and libraries, certificates, the links to alternatives.
_SYSTEM = ("/usr", "/etc/alternatives", "/etc/ssl", "/etc/ld.so.cache", "/etc/localtime", "/etc/nsswitch.conf")
_LINKS = ("bin", "sbin", "lib", "lib64")


@dataclass(frozen=True)
class Image:
    """What stands for a container image.

    Args:
        entrypoint: What runs, unless the manifest has a `command`.
        paths: What of this machine it contains beside the system, at the same places.
        variables: Its environment.
        files: Files that it has in place of this machine's, by path.
    """

    entrypoint: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Sandbox:
    """Where the container of a pod runs.

    Args:
        image: What is in its root.
        spec, container: The manifest's.
        namespace: The network namespace.
        hostname: The pod's name.
        hosts: Its /etc/hosts.
        volumes: Arguments that mount them.
        variables: The container's environment.
    """

    image: Image
    spec: Object
    container: Object
    namespace: str
    hostname: str
    hosts: Path
    volumes: tuple[str, ...]
    variables: Mapping[str, str]

    def start(self, log: Path) -> "Container":
        """Run the container's command; it is process 1 of its own."""
        image, container = self.image, self.container
        command = [*container.get("command", image.entrypoint), *container.get("args", [])]
        reading, writing = os.pipe()
        try:
            with log.open("ab") as sink:
                log.chmod(0o666)  # /dev/stdout can be opened by whoever runs there
                process = subprocess.Popen(
                    self._command(command, "--info-fd", str(writing)),
                    pass_fds=[writing],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env={},
                )
            os.close(writing)
            with os.fdopen(reading) as told:
                said = told.read()
        except OSError as error:
            raise NotRunnable(f"{self.hostname} cannot be started: {error}") from error
        if not said:
            process.wait()
            raise NotRunnable(f"{self.hostname} cannot be started: {log.read_text()}")
        return Container(process, int(json.loads(said)["child-pid"]))

    def run(self, command: list[str], timeout: float) -> int:
        """Run a command beside the container, where all is as the container has it; its exit code, or timeout(1)'s."""
        bounded = self._command(["timeout", str(timeout), *command])
        return subprocess.run(bounded, capture_output=True, timeout=timeout + 10, check=False, env={}).returncode

    def _command(self, command: list[str], *options: str) -> list[str]:
        return [
            *entering(self.namespace),
            *("bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", self.hostname),
            *("--as-pid-1", "--die-with-parent", "--new-session", *options),
            *self._system(),
            *self.volumes,
            *self._programs(),
            *(["--remount-ro", "/"] if self._rights.get("readOnlyRootFilesystem") else []),
            *("--clearenv", *self._environment(), "--chdir", self.container.get("workingDir", "/")),
            *("--", "setpriv", *self._privileges(), "--"),
            *command,
        ]

    def _system(self) -> Iterator[str]:
        for path in _SYSTEM:
            yield from (*parents(Path(path)), "--ro-bind-try", path, path)
        for link in _LINKS:
            yield from ("--symlink", f"usr/{link}", f"/{link}")
        # Which anybody may write to where the root is not read-only.
        yield from ("--dir", "/var", "--perms", "1777", "--dir", "/var/tmp")
        yield from ("--proc", "/proc", "--dev", "/dev", "--ro-bind", str(self.hosts), "/etc/hosts")

    def _programs(self) -> Iterator[str]:
        """What the image adds. After the volumes, because this checkout may be below /tmp, which one of them covers."""
        for path in self.image.paths:
            yield from (*parents(path), "--ro-bind", str(path), str(path))
        for place, source in self.image.files.items():
            yield from (*parents(Path(place)), "--ro-bind", str(source), place)

    def _environment(self) -> Iterator[str]:
        base = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME": self.hostname}
        for name, value in {**base, **self.image.variables, **self.variables}.items():
            yield from ("--setenv", name, value)

    @property
    def _rights(self) -> Object:
        """The pod's security context with the container's over it."""
        return {**self.spec.get("securityContext", {}), **self.container.get("securityContext", {})}

    def _privileges(self) -> Iterator[str]:
        rights = self._rights
        user, group = rights.get("runAsUser", 0), rights.get("runAsGroup", 0)
        if rights.get("runAsNonRoot") and user == 0:
            raise NotRunnable(f"{self.hostname} must not run as root, and no user is named")
        groups = [*rights.get("supplementalGroups", []), *([rights["fsGroup"]] if "fsGroup" in rights else [])]
        yield from (f"--reuid={user}", f"--regid={group}")
        yield f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
        if "ALL" in rights.get("capabilities", {}).get("drop", []):
            yield from ("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all")
        if rights.get("allowPrivilegeEscalation") is False:
            yield "--no-new-privs"


@dataclass
class Container:
    """A running container.

    Args:
        process: bubblewrap, which ends when the container has.
        pid: Of the container's own process, as this machine sees it.
    """

    process: "subprocess.Popen[bytes]"
    pid: int

    def is_running(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        # bubblewrap collects its child and ends with it, so as long as it runs, the pid is the container's.
        if self.is_running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout: float) -> bool:
        """Whether it ended in time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
            return True
        return False


def parents(path: Path) -> Iterator[str]:
    """Arguments that make the directories above a mount, which bubblewrap would keep for root."""
    for above in reversed(path.parents[:-1]):
        yield from ("--dir", str(above))


def program(name: str) -> str:
    """Where a program of this machine is. Raises NotRunnable."""
    found = shutil.which(name)
    if found is None:
        raise NotRunnable(f"{name} is not installed")
    return found
