"""NetworkPolicies, as filters of the node that every packet between two pods passes.

What no policy allows is refused with `admin-prohibited`, which nothing that merely does not listen ever answers: a
forbidden connection is EHOSTUNREACH at once, and no test has to wait for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

from tests.deploy.rig.manifests import Manifests, NotRunnable, Object, namespace_of, selects
from tests.deploy.rig.probes import port_number


class Addressed(Protocol):
    """What policies need to know of a pod."""

    @property
    def namespace(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def address(self) -> IPv4Address: ...
    @property
    def spec(self) -> Object: ...


@dataclass(frozen=True)
class PolicyTable:
    """nftables rules for the pods that there are at some moment."""

    manifests: Manifests
    pods: Sequence[Addressed]

    def rules(self) -> str:
        """Replace the table of the node."""
        lines = [*_SHELL]
        for pod in self.pods:
            for direction, whose in (("Egress", "saddr"), ("Ingress", "daddr")):
                policies = self._selecting(pod, direction)
                if not policies:
                    continue  # nobody restricts it
                chain = f"{direction.lower()}-{pod.address}".replace(".", "-")
                lines.append(f"add chain ip policies {chain}")
                for policy in policies:
                    lines += [f"add rule ip policies {chain} {each}" for each in self._allowed(policy, direction, pod)]
                lines.append(f"add rule ip policies {chain} reject with icmp type admin-prohibited")
                lines.append(f"add rule ip policies forwarded ip {whose} {pod.address} jump {chain}")
        return "\n".join(lines)

    def _selecting(self, pod: Addressed, direction: str) -> list[Object]:
        return [
            policy["spec"] | {"namespace": namespace_of(policy)}
            for policy in self.manifests.of_kind("NetworkPolicy", pod.namespace)
            if selects(policy["spec"].get("podSelector", {}), pod.labels) and direction in _types(policy["spec"])
        ]

    def _allowed(self, policy: Object, direction: str, pod: Addressed) -> Iterator[str]:
        """What lets a packet go on to the next chain."""
        peers, theirs = ("to", "daddr") if direction == "Egress" else ("from", "saddr")
        for rule in policy.get(direction.lower()) or []:
            destinations = [pod] if direction == "Ingress" else None
            ports = [*self._ports(rule, destinations)]
            for peer in self._peers(rule.get(peers), policy["namespace"], theirs):
                for port in ports:
                    yield f"{peer} {port} return"

    def _ports(self, rule: Object, destinations: Sequence[Addressed] | None) -> Iterator[str]:
        if not rule.get("ports"):
            yield ""
        for port in rule.get("ports") or []:
            protocol, number = port.get("protocol", "TCP").lower(), port.get("port")
            if isinstance(number, str):
                if destinations is None:
                    raise NotRunnable("a named port in an egress rule")
                number = port_number(destinations[0].spec["containers"][0], number)
            last = f"-{port['endPort']}" if "endPort" in port else ""
            yield f"meta l4proto {protocol}" if number is None else f"{protocol} dport {number}{last}"

    def _peers(self, peers: Sequence[Object] | None, namespace: str, theirs: str) -> Iterator[str]:
        if not peers:
            yield ""
        for peer in peers or []:
            if block := peer.get("ipBlock"):
                if ":" in block["cidr"]:
                    continue  # nothing here has an IPv6 address
                excluded = ", ".join(block.get("except", []))
                yield f"ip {theirs} {block['cidr']}" + (f" ip {theirs} != {{ {excluded} }}" if excluded else "")
            elif addresses := ", ".join(str(pod.address) for pod in self.pods if self._is_peer(peer, pod, namespace)):
                yield f"ip {theirs} {{ {addresses} }}"

    def _is_peer(self, peer: Object, pod: Addressed, namespace: str) -> bool:
        if "namespaceSelector" in peer:
            in_namespace = selects(peer["namespaceSelector"], self.manifests.labels_of_namespace(pod.namespace))
        else:
            in_namespace = pod.namespace == namespace
        return in_namespace and selects(peer.get("podSelector", {}), pod.labels)


def _types(spec: Object) -> list[str]:
    """The directions that a policy restricts (its defaults included)."""
    return list(spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])])


_SHELL = (
    "add table ip policies",
    "delete table ip policies",
    "add table ip policies",
    "add chain ip policies forwarded { type filter hook forward priority filter; }",
    "add rule ip policies forwarded ct state established,related accept",
)
