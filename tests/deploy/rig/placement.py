"""Makes a pod of a template: an address, a network namespace, volumes, variables, and a sandbox around all of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path

from tests.deploy.rig.environment import variables
from tests.deploy.rig.manifests import Manifests, NotRunnable, Object, only
from tests.deploy.rig.network import Network
from tests.deploy.rig.pods import Pod
from tests.deploy.rig.run import Run
from tests.deploy.rig.sandbox import Image, Sandbox
from tests.deploy.rig.services import ServiceAddresses
from tests.deploy.rig.volumes import Volumes

_NOT_RUN = {"initContainers", "hostNetwork", "hostPID", "hostIPC"}


@dataclass
class Placement:
    """Makes pods.

    Args:
        run, network: Whose namespaces and files these are.
        manifests: What templates refer to.
        services: What pods know by name.
        images: What stands for an image, by the last part of its name.
        names: Addresses outside of the cluster, by host name.
        pace: Of the pods.
        changed: Of the pods.
    """

    run: Run
    network: Network
    manifests: Manifests
    services: ServiceAddresses
    images: Mapping[str, Image]
    names: Mapping[str, IPv4Address]
    pace: float
    changed: Callable[[], None]
    _numbers: "count[int]" = field(default_factory=count)

    def pod(self, name: str, namespace: str, template: Object, address: IPv4Address) -> Pod:
        """A pod that can be started; raises NotRunnable for what is not modelled, or refers to nothing."""
        spec, labels = template["spec"], template.get("metadata", {}).get("labels", {})
        if unknown := spec.keys() & _NOT_RUN:
            raise NotRunnable(f"{name} has {sorted(unknown)}")
        container = only(spec["containers"], f"containers in {name}")
        directory = self.run.directory / "pods" / f"{name}-{next(self._numbers)}"
        directory.mkdir(parents=True)
        group = spec.get("securityContext", {}).get("fsGroup")
        volumes = Volumes(self.manifests, directory, self.run.directory / "claims", namespace, group)
        sandbox = Sandbox(
            image=self._image(container["image"]),
            spec=spec,
            container=container,
            namespace=self.network.connect(directory.name, address),
            hostname=name,
            hosts=self._hosts(directory, name, namespace, address),
            volumes=tuple(volumes.arguments(spec, container)),
            variables=self._variables(
                spec, container, namespace, {"metadata.name": name, "status.podIP": str(address)}
            ),
        )
        return Pod(name, namespace, labels, spec, address, self.network, sandbox, directory, self.pace, self.changed)

    def _image(self, name: str) -> Image:
        last = name.partition("@")[0].rpartition("/")[2].partition(":")[0]
        if last not in self.images:
            raise NotRunnable(f"the image {name}")
        return self.images[last]

    def _hosts(self, directory: Path, name: str, namespace: str, address: IPv4Address) -> Path:
        lines = ["127.0.0.1 localhost", f"{address} {name}", *self.services.hosts(namespace)]
        lines += [f"{where} {host}" for host, where in self.names.items()]
        path = directory / "hosts"
        path.write_text("\n".join(lines) + "\n")
        return path

    def _variables(self, spec: Object, container: Object, namespace: str, fields: Mapping[str, str]) -> dict[str, str]:
        links = self.services.links(namespace) if spec.get("enableServiceLinks", True) else {}
        return links | variables(self.manifests, namespace, container, {"metadata.namespace": namespace, **fields})
