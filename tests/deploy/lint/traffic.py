"""Who may talk to whom: the NetworkPolicies, weighed as a network plugin weighs them (24)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from tests.deploy.lint.overlay import NAME, Overlay, selects, title

_NAMESPACE = "kubernetes.io/metadata.name"
_INTERNET = ("203.0.113.7", "2001:db8::7")
# The metadata services of the clouds, and everything that is not the internet.
_INSIDE = (
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "10.1.2.3",
    "172.20.0.9",
    "192.168.7.7",
    "100.64.0.9",
    "127.0.0.1",
    "fe80::1",
    "240.0.0.1",
)


@dataclass(frozen=True)
class Party:
    """Somebody who may talk: a pod with its labels and its namespace's, or an address outside.

    Args:
        name: In findings.
        labels: Of a pod.
        namespace: The labels of its namespace; None for one outside of the cluster.
        address: Of one outside.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: Mapping[str, str] | None = None
    address: str = ""


@dataclass(frozen=True)
class Policies:
    """The NetworkPolicies of the namespace `home`."""

    home: str
    policies: list[Mapping[str, Any]]

    def allow(self, source: Party, target: Party, port: int, protocol: str = "TCP") -> bool:
        """Whether `source` reaches `port` of `target`: both ends have to let it."""
        leaves = self._lets(source, "Egress", "egress", "to", target, port, protocol)
        return leaves and self._lets(target, "Ingress", "ingress", "from", source, port, protocol)

    def _lets(self, at: Party, kind: str, rules: str, peers: str, other: Party, port: int, protocol: str) -> bool:
        if at.namespace is None or at.namespace.get(_NAMESPACE) != self.home:
            return True
        binding = [p for p in self.policies if kind in p["policyTypes"] and selects(p["podSelector"], at.labels)]
        if not binding:
            return True
        entries = [rule for policy in binding for rule in policy.get(rules, [])]
        return any(
            (peers not in rule or any(self._is(peer, other) for peer in rule[peers]))
            and ("ports" not in rule or {"port": port, "protocol": protocol} in rule["ports"])
            for rule in entries
        )

    def _is(self, peer: Mapping[str, Any], party: Party) -> bool:
        if block := peer.get("ipBlock"):
            return bool(party.address) and _is_in(party.address, block)
        if party.namespace is None:
            return False
        own = {"matchLabels": {_NAMESPACE: self.home}}
        return selects(peer.get("namespaceSelector", own), party.namespace) and selects(
            peer.get("podSelector", {}), party.labels
        )


def _is_in(address: str, block: Mapping[str, Any]) -> bool:
    inside = [ip_address(address) in ip_network(each) for each in (block["cidr"], *block.get("except", []))]
    return inside[0] and not any(inside[1:])


def point_24_policies_select(overlay: Overlay) -> Iterator[str]:
    """A policy that selects no pod protects nobody; one that lets a pod in that is not there was mistyped."""
    labels = [workload.labels for workload in overlay.workloads]
    for policy in overlay.of_kind("NetworkPolicy"):
        spec = policy["spec"]
        if not any(selects(spec["podSelector"], each) for each in labels):
            yield f"{title(policy)}: selects no pod"
        for key, peers in (("ingress", "from"), ("egress", "to")):
            for peer in (peer for rule in spec.get(key) or [] for peer in rule.get(peers, [])):
                own = "podSelector" in peer and "namespaceSelector" not in peer
                if own and not any(selects(peer["podSelector"], each) for each in labels):
                    yield f"{title(policy)}: names a peer that is not there"


def point_24_conversations(overlay: Overlay) -> Iterator[str]:
    """Exactly the conversations that have to be are let through; a pod that no policy names talks to nobody."""
    if overlay.is_development:
        return
    policies = Policies(overlay.namespace, [each["spec"] for each in overlay.of_kind("NetworkPolicy")])
    parties = _parties(overlay)
    for source, target, port, protocol in _asked(overlay, parties):
        is_let, is_needed = policies.allow(source, target, port, protocol), _needed(source.name, target.name, port)
        if is_let != is_needed:
            yield f"{source.name} " + ("reaches" if is_let else "does not reach") + f" {target.name} at port {port}"


def _parties(overlay: Overlay) -> list[Party]:
    home, names = {_NAMESPACE: overlay.namespace}, overlay.installation
    parties = [Party(workload.name, workload.labels, home) for workload in overlay.workloads]
    if "REDIS_NETWORK" in names:
        parties.append(Party("redis", address=str(ip_network(names["REDIS_NETWORK"])[1])))
    parties += [
        Party("ingress controller", namespace={_NAMESPACE: names["INGRESS_NAMESPACE"]}),
        Party("Prometheus", namespace={_NAMESPACE: names["MONITORING_NAMESPACE"]}),
        Party("DNS", {"k8s-app": "kube-dns"}, {_NAMESPACE: "kube-system"}),
        Party("MCP server", namespace={_NAMESPACE: "tools", "authproxy-upstreams": "true"}),
        Party("stranger", namespace={_NAMESPACE: "elsewhere"}),
        Party("stranger here", {NAME: "stranger"}, home),
    ]
    parties += [Party("internet", address=address) for address in _INTERNET]
    return parties + [Party(f"{address}, which is inside,", address=address) for address in _INSIDE]


def _asked(overlay: Overlay, parties: list[Party]) -> Iterator[tuple[Party, Party, int, str]]:
    """Every two of which one is ours, at every port that matters."""
    home = {_NAMESPACE: overlay.namespace}
    for source in parties:
        for target in parties:
            if source is target or home not in (source.namespace, target.namespace):
                continue
            for port in (443, 6379, 8080, 8090, 9000, 9464, 9465):
                yield source, target, port, "TCP"
            yield source, target, 53, "UDP"


_CALLS = {
    ("ingress controller", "auth-server"): {8080},
    ("ingress controller", "mcp-gateway"): {8090},
    ("Prometheus", "auth-server"): {9464},
    ("Prometheus", "mcp-gateway"): {9465},
    ("mcp-gateway", "auth-server"): {8080},
    ("auth-server", "redis"): {6379},
    ("mcp-gateway", "redis"): {6379},
    ("auth-server", "DNS"): {53},
    ("mcp-gateway", "DNS"): {53},
    ("auth-server", "internet"): {443},
    ("mcp-gateway", "internet"): {443},
    # At whatever port it has.
    ("mcp-gateway", "MCP server"): {53, 443, 6379, 8080, 8090, 9000, 9464, 9465},
}


def _needed(source: str, target: str, port: int) -> bool:
    return port in _CALLS.get((source, target), set())
