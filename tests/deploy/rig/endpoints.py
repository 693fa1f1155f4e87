"""Which pods are endpoints of which Service, and how late the node hears of it."""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.deploy.rig.manifests import selects
from tests.deploy.rig.network import Network
from tests.deploy.rig.pods import Pod
from tests.deploy.rig.probes import port_number
from tests.deploy.rig.services import Endpoints, Place, ServiceAddresses, ServiceTable
from tests.support.servers import wait_until


def endpoints(addresses: ServiceAddresses, pods: Sequence[Pod]) -> Endpoints:
    """The ready pods of each Service's port, those that are leaving excepted."""
    found: dict[Place, list[Place]] = {}
    for (namespace, name), service in addresses.services.items():
        chosen = [pod for pod in pods if pod.namespace == namespace and pod.is_ready and not pod.is_leaving]
        chosen = [pod for pod in chosen if selects({"matchLabels": service["spec"]["selector"]}, pod.labels)]
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            place = addresses.place_of(namespace, name, port["port"])
            found[place] = [(pod.address, port_number(pod.sandbox.container, target)) for pod in chosen]
    return found


@dataclass
class Propagation:
    """Brings each change of endpoints to the node, in order, `lag` seconds after it happened.

    In a cluster the API server, the endpoint controller and kube-proxy stand between the two.
    """

    network: Network
    lag: float
    _changes: "queue.Queue[tuple[float, Endpoints] | None]" = field(default_factory=queue.Queue)
    _latest: Endpoints = field(default_factory=dict)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, with no endpoints."""
        self.network.load(ServiceTable({}).rules())
        self._thread = threading.Thread(target=self._propagate, name="endpoints", daemon=True)
        self._thread.start()

    def announce(self, current: Endpoints) -> None:
        """What is so now."""
        if current != self._latest:
            self._latest = current
            self._changes.put((time.monotonic() + self.lag, current))

    def settle(self) -> None:
        """Return once the node knows all that was announced."""
        wait_until(lambda: self._changes.unfinished_tasks == 0, self._failure)

    def stop(self) -> None:
        """End, without waiting for what is on its way."""
        self.lag = 0
        self._changes.put(None)
        if self._thread:
            self._thread.join(60)

    def _failure(self) -> str | None:
        return None if self._thread and self._thread.is_alive() else "nobody brings changes to the node"

    def _propagate(self) -> None:
        while change := self._changes.get():
            due, current = change
            time.sleep(max(0.0, due - time.monotonic()))
            self.network.load(ServiceTable(current).rules())
            self._changes.task_done()
