"""Services: an address of its own for each, from which a connection goes to a random endpoint, as kube-proxy has it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.deploy.rig.manifests import Manifests, NotRunnable, namespace_of, only
from tests.deploy.rig.network import SERVICES

# An address and a port, of a Service or of a pod.
Place = tuple[IPv4Address, int]
Endpoints = Mapping[Place, Sequence[Place]]


class ServiceAddresses:
    """The addresses of Services, and the names that pods know them by. Headless Services have neither."""

    def __init__(self, manifests: Manifests) -> None:
        offered = [each for each in manifests.of_kind("Service") if each["spec"].get("clusterIP") != "None"]
        self.services = {(namespace_of(each), str(each["metadata"]["name"])): each for each in offered}
        self._addresses = dict(zip(self.services, SERVICES.hosts(), strict=False))

    def place_of(self, namespace: str, name: str, port: str | int) -> Place:
        """The address and the port of a Service's port. Raises NotRunnable where there is none."""
        if (namespace, name) not in self.services:
            raise NotRunnable(f"{namespace} has no Service {name}")
        ports = self.services[namespace, name]["spec"]["ports"]
        found = only((each for each in ports if port in {each["port"], each.get("name")}), f"ports {port} of {name}")
        return self._addresses[namespace, name], int(found["port"])

    def hosts(self, seen_from: str) -> Iterator[str]:
        """Lines for the /etc/hosts of a pod in that namespace."""
        for (namespace, name), address in self._addresses.items():
            short = [name] if namespace == seen_from else []
            long = f"{name}.{namespace}"
            yield " ".join([str(address), *short, long, f"{long}.svc", f"{long}.svc.cluster.local"])

    def links(self, namespace: str) -> dict[str, str]:
        """What a pod gets that does not say `enableServiceLinks: false`; such variables can be taken for settings."""
        links: dict[str, str] = {}
        for (where, name), address in self._addresses.items():
            prefix, port = name.upper().replace("-", "_"), self.services[where, name]["spec"]["ports"][0]["port"]
            if where == namespace:
                links |= {f"{prefix}_SERVICE_HOST": str(address), f"{prefix}_SERVICE_PORT": str(port)}
                links |= {f"{prefix}_PORT": f"tcp://{address}:{port}"}
        return links


@dataclass(frozen=True)
class ServiceTable:
    """nftables rules for what is an endpoint of which Service at some moment."""

    endpoints: Endpoints

    def rules(self) -> str:
        """Replace the table of the node."""
        lines = [*_SHELL, *(f"add rule ip services balance {rule}" for rule in self._balance())]
        pods = sorted({address for places in self.endpoints.values() for address, _ in places})
        if themselves := ", ".join(f"{pod} . {pod}" for pod in pods):
            # A pod that reaches itself through its Service must not answer itself directly.
            rule = f"ct status dnat ip saddr . ip daddr {{ {themselves} }} masquerade"
            lines.append(f"add rule ip services hairpin {rule}")
        return "\n".join(lines)

    def _balance(self) -> Iterator[str]:
        for (address, port), pods in self.endpoints.items():
            if pods:
                choices = ", ".join(f"{number} : {pod} . {at}" for number, (pod, at) in enumerate(pods))
                target = f"dnat ip to numgen random mod {len(pods)} map {{ {choices} }}"
                yield f"ip daddr {address} tcp dport {port} {target}"


# Whoever is still on the way to a Service's address after `balance` has no endpoint to go to, and is refused.
_SHELL = (
    "add table ip services",
    "delete table ip services",
    "add table ip services",
    "add chain ip services balance { type nat hook prerouting priority dstnat; }",
    "add chain ip services nowhere { type filter hook prerouting priority dstnat + 10; }",
    f"add rule ip services nowhere ip daddr {SERVICES} tcp flags syn reject with tcp reset",
    "add chain ip services hairpin { type nat hook postrouting priority srcnat; }",
)
