"""Who may connect to whom, tried by everybody with everybody."""

from collections.abc import Mapping
from ipaddress import IPv4Address

import pytest

from tests.deploy.rig.installation import Installation
from tests.deploy.rig.network import Reach, attempt
from tests.deploy.rig.pods import Pod

pytestmark = [pytest.mark.rig, pytest.mark.requirement("DP-11")]

Places = Mapping[str, tuple[IPv4Address, int]]

INSIDE = ("auth-server", "mcp-gateway", "redis", "a pod without labels")
OUTSIDE_ADDRESSES = {
    "cloud metadata": IPv4Address("169.254.169.254"),
    "an office": IPv4Address("192.168.1.10"),
    "a data centre": IPv4Address("172.16.1.10"),
    "a carrier": IPv4Address("100.64.1.10"),
    "another private network": IPv4Address("10.1.1.10"),
}
INTERNET = IPv4Address("203.0.113.77")

ALLOWED = {
    ("ingress controller", "auth-server http"),
    ("ingress controller", "mcp-gateway http"),
    ("prometheus", "auth-server management"),
    ("prometheus", "mcp-gateway management"),
    ("mcp-gateway", "auth-server http"),
    ("mcp-gateway", "an MCP server"),
    *((service, place) for service in INSIDE[:2] for place in ("redis", "dns", "internet 443")),
}


@pytest.fixture(scope="module")
def sources(staging: Installation) -> Mapping[str, Pod]:
    """Pods to connect from."""
    cluster = staging.cluster
    strangers = {
        "prometheus": cluster.create_idle_pod("prometheus", "monitoring"),
        "a stranger": cluster.create_idle_pod("stranger", "default"),
        "a pod without labels": cluster.create_idle_pod("unlabelled", "authproxy"),
    }
    cluster.wait_until_ready()
    workloads = {name: cluster.pods_of(name)[0] for name in ("auth-server", "mcp-gateway", "redis")}
    return {"ingress controller": staging.ingress, **workloads, **strangers}


@pytest.fixture(scope="module")
def places(staging: Installation) -> Places:
    """Where to connect to. Nobody has to listen there: finding nobody is not the same as not being allowed to look."""
    cluster = staging.cluster
    # Not those that others connect from: a pod reaches itself whatever the policies say.
    auth_server, gateway = (cluster.pods_of(name)[1].address for name in ("auth-server", "mcp-gateway"))
    redis, upstream = (cluster.pods_of(name)[0].address for name in ("redis", "sample-server"))
    dns = cluster.create_idle_pod("dns", "kube-system", {"k8s-app": "kube-dns"}).address
    other = cluster.create_idle_pod("other", "kube-system").address
    for name, address in {**OUTSIDE_ADDRESSES, "internet": INTERNET}.items():
        cluster.create_idle_outside(name.replace(" ", "-"), address)
    cluster.wait_until_ready()
    outside = {**OUTSIDE_ADDRESSES, "internet": INTERNET}
    return {
        "auth-server http": (auth_server, 8080),
        "auth-server management": (auth_server, 9464),
        "mcp-gateway http": (gateway, 8090),
        "mcp-gateway management": (gateway, 9465),
        "redis": (redis, 6379),
        "another port of redis": (redis, 16379),
        "dns": (dns, 53),
        "another pod of kube-system": (other, 53),
        "an MCP server": (upstream, 9000),
        **{f"{name} {port}": (address, port) for name, address in outside.items() for port in (80, 443)},
    }


def test_exactly_the_connections_that_are_needed_are_allowed(sources: Mapping[str, Pod], places: Places) -> None:
    reached = {
        (source, place)
        for source, pod in sources.items()
        for place, (address, port) in places.items()
        if pod.address != address
        and concerns(source, place)
        and attempt(pod.sandbox.namespace, address, port) is not Reach.FORBIDDEN
    }
    assert reached == ALLOWED


def concerns(source: str, place: str) -> bool:
    """Whether the overlay has a say in it: one of the two is in its namespace."""
    return source in INSIDE or place.startswith(("auth-server", "mcp-gateway", "redis", "another port of redis"))
