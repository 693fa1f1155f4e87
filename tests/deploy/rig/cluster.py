"""The whole cluster: a node, and everything of the manifests on it."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address

from tests.deploy.rig.controllers import Deployment, StatefulSet
from tests.deploy.rig.endpoints import Propagation, endpoints
from tests.deploy.rig.manifests import Manifests, NotRunnable, Object
from tests.deploy.rig.network import PODS, Network
from tests.deploy.rig.placement import Placement
from tests.deploy.rig.pods import Pod
from tests.deploy.rig.policies import PolicyTable
from tests.deploy.rig.run import Run, claimed_run
from tests.deploy.rig.sandbox import Image
from tests.deploy.rig.services import ServiceAddresses
from tests.deploy.rig.templates import idle

_WITHIN = 60.0
_RESERVED = 10  # addresses for the node


class Cluster:
    """Runs manifests. In `images` is what stands for an image, by the last part of its name.

    Args:
        run: Whose namespaces and files these are.
        manifests: What runs.
        names: Addresses outside, by host name.
        pace: How many times faster than the manifests say the times of probes, pauses and rollouts pass.
        lag: Seconds of the cluster's time, so divided by `pace`, until a change of endpoints has arrived everywhere.
    """

    def __init__(
        self,
        run: Run,
        manifests: Manifests,
        names: Mapping[str, IPv4Address],
        pace: float,
        lag: float,
    ) -> None:
        self.run, self.manifests, self.pace = run, manifests, pace
        self.network, self.services = Network(run), ServiceAddresses(manifests)
        self.images: dict[str, Image] = {}
        self.pods: list[Pod] = []
        self.outside: list[Pod] = []
        self.deployments: dict[str, Deployment] = {}
        self.stateful_sets: dict[str, StatefulSet] = {}
        self._placement = Placement(
            run, self.network, manifests, self.services, self.images, names, pace, self._changed
        )
        self._propagation = Propagation(self.network, lag / pace)
        self._addresses = (PODS[number] for number in range(_RESERVED, PODS.num_addresses - 1))
        self._changes = threading.Condition()

    def apply(self) -> None:
        """Start the workloads, and return once all are ready and everybody knows."""
        for manifest in self.manifests.of_kind("StatefulSet"):
            self.stateful_sets[manifest["metadata"]["name"]] = StatefulSet(self, manifest)
        for manifest in self.manifests.of_kind("Deployment"):
            self.deployments[manifest["metadata"]["name"]] = Deployment(self, manifest, self._replicas(manifest))
        for workload in self._workloads.values():
            workload.scale_up()
        self.wait_until_ready()

    def create_pod(self, name: str, namespace: str, template: Object) -> Pod:
        """A pod of the cluster that starts now."""
        with self._changes:
            pod = self._placement.pod(name, namespace, template, next(self._addresses))
            self.pods.append(pod)
            self.network.load(PolicyTable(self.manifests, self.present).rules())
        pod.start()
        return pod

    def create_outside(self, name: str, template: Object, address: IPv4Address) -> Pod:
        """Something outside of the cluster that starts now: it is in no namespace and no policy is about it."""
        pod = self._placement.pod(name, "outside", template, address)
        self.outside.append(pod)
        pod.start()
        return pod

    def create_idle_pod(self, name: str, namespace: str, labels: Mapping[str, str] | None = None) -> Pod:
        """A pod that does nothing; connections can be tried from it, and to it."""
        return self.create_pod(name, namespace, idle(labels or {}))

    def create_idle_outside(self, name: str, address: IPv4Address) -> Pod:
        """The same outside."""
        return self.create_outside(name, idle({}), address)

    @property
    def present(self) -> list[Pod]:
        """The pods that have not ended."""
        return [pod for pod in self.pods if not pod.has_ended]

    def pods_of(self, workload: str) -> list[Pod]:
        """Those of a Deployment or a StatefulSet that are not leaving."""
        return [pod for pod in self._workloads[workload].pods if not pod.is_leaving]

    def wait_until(self, is_so: Callable[[], bool], what: str, *pods: Pod) -> None:
        """Return once `is_so`; raise what one of `pods` failed of."""
        deadline = time.monotonic() + _WITHIN
        while not is_so():
            for pod in pods:
                if pod.failure:
                    raise pod.failure
            if time.monotonic() > deadline:
                logs = [f"{pod.name}:\n{pod.log()[-2000:]}" for pod in pods if not pod.is_ready]
                raise AssertionError("\n".join([f"{what}: it did not happen in time", *logs]))
            with self._changes:
                self._changes.wait(0.05)

    def wait_until_ready(self) -> None:
        """Return once every pod that has not ended is ready, and everybody knows."""
        pods = [*self.present, *(pod for pod in self.outside if not pod.has_ended)]
        self.wait_until(lambda: all(pod.is_ready for pod in pods), "all pods are ready", *pods)
        self._propagation.settle()

    def open(self) -> None:
        """Make the node."""
        self.network.open()
        self._propagation.start()

    def close(self) -> None:
        """End everything, without grace."""
        pods = [pod for pod in (*self.pods, *self.outside) if not pod.has_ended]
        for pod in pods:
            pod.destroy()
        for pod in pods:
            with contextlib.suppress(NotRunnable):  # which whoever waited for it was told
                pod.join(30)
        self._propagation.stop()

    @property
    def _workloads(self) -> dict[str, Deployment | StatefulSet]:
        return {**self.stateful_sets, **self.deployments}

    def _replicas(self, manifest: Object) -> int:
        """What the manifest says, or the least of its autoscaler."""
        name = manifest["metadata"]["name"]
        for scaler in self.manifests.of_kind("HorizontalPodAutoscaler"):
            if scaler["spec"]["scaleTargetRef"]["name"] == name:
                if "replicas" in manifest["spec"]:
                    raise NotRunnable(f"{name} has both replicas and an autoscaler")
                return int(scaler["spec"]["minReplicas"])
        return int(manifest["spec"].get("replicas", 1))

    def _changed(self) -> None:
        """A pod is ready, or is not any more, or is leaving, or has ended."""
        with self._changes:
            self._propagation.announce(endpoints(self.services, self.present))
            self._changes.notify_all()


@contextlib.contextmanager
def running_cluster(
    manifests: Manifests,
    names: Mapping[str, IPv4Address] | None = None,
    *,
    pace: float = 1.0,
    lag: float = 0.0,
) -> Iterator[Cluster]:
    """An empty cluster, which has to be told of images; `apply` starts the manifests. Nothing is left afterwards."""
    with claimed_run() as run:
        cluster = Cluster(run, manifests, names or {}, pace, lag)
        cluster.open()
        try:
            yield cluster
        finally:
            cluster.close()
