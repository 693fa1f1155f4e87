"""The life of a pod, as its kubelet leads it, in a thread of its own."""

import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from tests.deploy.rig.manifests import NotRunnable, Object, only
from tests.deploy.rig.network import Network, enter
from tests.deploy.rig.probes import Probe, probe
from tests.deploy.rig.sandbox import Container, Sandbox

_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 10, 300


@dataclass
class Pod:
    """A pod with one container.

    Args:
        name, namespace, labels, spec: Of the manifest, or the template.
        address: Its own, which it keeps for its whole life.
        network: Where it is connected.
        sandbox: Where its container runs.
        directory: Its volumes and its log.
        pace: How many times faster than the manifest says the times of probes, pauses and back-off pass.
        changed: Called whenever it becomes ready, or ceases to be, or is leaving.
    """

    name: str
    namespace: str
    labels: Mapping[str, str]
    spec: Object
    address: IPv4Address
    network: Network
    sandbox: Sandbox
    directory: Path
    pace: float
    changed: Callable[[], None]
    is_ready: bool = False
    ready_since: float = 0.0
    has_ended: bool = False
    was_killed: bool = False
    starts: int = 0
    failure: Exception | None = None
    _container: Container | None = None
    _probes: dict[str, Probe] = field(default_factory=dict)
    _without_grace: bool = False
    _leaving: threading.Event = field(default_factory=threading.Event)
    _wake: int = field(default_factory=lambda: os.eventfd(0, os.EFD_NONBLOCK))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin its life."""
        self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)
        self._thread.start()

    def delete(self) -> None:
        """What `kubectl delete pod` does; returns at once."""
        self._leaving.set()
        self.changed()
        self._wake_up()

    def destroy(self) -> None:
        """End it without pause or grace, as the end of the whole cluster does; returns at once."""
        self._without_grace = True
        self._leaving.set()
        if self._container:
            self._container.send(signal.SIGKILL)
        self._wake_up()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill the container's process, as a crash does; the kubelet then starts it again."""
        assert self._container
        self._container.send(number)

    def join(self, timeout: float) -> None:
        """Return once it has ended, if it was ever started; what its life failed of is raised."""
        if self._thread is None:
            return
        self._thread.join(timeout)
        if self.failure:
            raise self.failure
        assert not self._thread.is_alive(), f"{self.name} does not end"

    def log(self) -> str:
        """What it has written."""
        return self._log.read_text(errors="replace")

    @property
    def is_leaving(self) -> bool:
        """Whether it was deleted."""
        return self._leaving.is_set()

    @property
    def pid(self) -> int:
        """Of its container's process."""
        assert self._container
        return self._container.pid

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def _live(self) -> None:
        try:
            enter(self.network.node)
            while not self._leaving.is_set():
                self._run_once()
                self._be_ready(ready=False)
                if self.spec.get("restartPolicy") == "Never":
                    break
                if not self._leaving.is_set() and self.starts > 1:
                    pause = min(_FIRST_BACK_OFF * 2 ** (self.starts - 2), _LONGEST_BACK_OFF)
                    self._wait(pause / self.pace)
        except (NotRunnable, AssertionError, OSError) as error:
            self.failure = error
        finally:
            self._bury()

    def _run_once(self) -> None:
        """From the container's start to its end, whoever brings it about."""
        self._container = self.sandbox.start(self._log)
        self.starts += 1
        watch = os.pidfd_open(self._container.process.pid)
        try:
            self._begin_probes()
            while self._container.is_running() and not self._leaving.is_set():
                due = min((each.due for each in self._asked()), default=time.monotonic() + 60)
                self._wait(due - time.monotonic(), watch)
                if self._container.is_running() and not self._leaving.is_set() and self._has_to_restart():
                    self._stop(self.spec.get("terminationGracePeriodSeconds", 30))
            if self._container.is_running():
                self._leave()
        finally:
            os.close(watch)

    def _leave(self) -> None:
        if self._without_grace:
            self._stop(0)
            return
        grace = self.spec.get("terminationGracePeriodSeconds", 30)
        before = only(self.spec["containers"], "containers").get("lifecycle", {}).get("preStop")
        if before and "sleep" in before:
            pause = before["sleep"]["seconds"]
            assert self._container
            self._container.wait(pause / self.pace)
            grace -= pause
        elif before:
            raise NotRunnable(f"a preStop with {sorted(before)}")
        self._stop(grace)

    def _stop(self, grace: float) -> None:
        assert self._container
        self._container.send(signal.SIGTERM)
        if not self._container.wait(grace):
            self.was_killed = True
            self._container.send(signal.SIGKILL)
            self._container.wait(10)

    def _begin_probes(self) -> None:
        self._probes = {}
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            container = self.sandbox.container
            if made := probe(container, kind, self.sandbox, self.address, self.pace, time.monotonic()):
                self._probes[kind] = made
        if not self._probes.keys() & {"startupProbe", "readinessProbe"}:
            self._be_ready(ready=True)

    def _asked(self) -> list[Probe]:
        """The startup probe alone until it passes, then the others."""
        startup = self._probes.get("startupProbe")
        if startup and not startup.is_good:
            return [startup]
        return [each for kind, each in self._probes.items() if kind != "startupProbe"]

    def _has_to_restart(self) -> bool:
        """Ask each probe that is due."""
        readiness, startup = self._probes.get("readinessProbe"), self._probes.get("startupProbe")
        due = [each for each in self._asked() if each.due <= time.monotonic()]
        if any(each.take(time.monotonic()) and each is not readiness for each in due):
            return True
        self._be_ready(ready=readiness.is_good if readiness else startup is None or startup.is_good)
        return False

    def _be_ready(self, *, ready: bool) -> None:
        if ready is not self.is_ready:
            self.is_ready, self.ready_since = ready, time.monotonic()
            self.changed()

    def _wait(self, seconds: float, *descriptors: int) -> None:
        """Until then, or until one of `descriptors` is readable, or somebody wakes us."""
        select.select([self._wake, *descriptors], [], [], max(0.0, seconds))

    def _wake_up(self) -> None:
        with self._lock:
            if not self.has_ended:
                os.eventfd_write(self._wake, 1)

    def _bury(self) -> None:
        if self._container:
            self._container.send(signal.SIGKILL)
            self._container.wait(10)
        self.network.disconnect(self.sandbox.namespace)
        shutil.rmtree(self.directory / "volumes", ignore_errors=True)
        with self._lock:
            os.close(self._wake)
            self.has_ended = True
        self._leaving.set()
        self.is_ready = False
        self.changed()
