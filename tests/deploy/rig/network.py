"""The pods' network: each has a namespace and an address of its own, and all are connected to the node's.

Every packet between two of them goes through the node, as a routed packet, which is where Services and NetworkPolicies
are. The node itself is not connected to the machine.
"""

import contextlib
import ctypes
import errno
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network
from itertools import count
from pathlib import Path
from typing import TypeVar

from tests.deploy.rig.run import Run, command

# What clusters commonly have. Other addresses would be public ones to a NetworkPolicy that excludes private networks.
PODS = IPv4Network("10.244.0.0/16")
SERVICES = IPv4Network("10.96.0.0/16")
# Reserved for documentation (RFC 5737), so nobody's; the rig's internet.
PEOPLE = IPv4Network("198.51.100.0/24")
INTERNET = IPv4Network("203.0.113.0/24")

T = TypeVar("T")

_ROUTER = PODS[1]
_WITHIN = 10
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


@dataclass
class Network:
    """The node, and who is connected to it."""

    run: Run
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _interfaces: dict[str, str] = field(default_factory=dict)

    @property
    def node(self) -> str:
        """The name of the node's namespace."""
        return self.run.namespace("node")

    def open(self) -> None:
        """Make the node."""
        command("ip", "netns", "add", self.node)
        commands = ["link set lo up", f"address add {_ROUTER}/32 dev lo"]
        command("ip", "-netns", self.node, "-batch", "-", standard_input="\n".join(commands))
        # Whoever is refused is told so every time, not once a second.
        settings = ("net.ipv4.ip_forward=1", "net.ipv4.icmp_ratemask=0")
        command("ip", "netns", "exec", self.node, "sysctl", "-qw", *settings)

    def connect(self, name: str, address: IPv4Address, also: IPv4Network | None = None) -> str:
        """A new namespace with `address`, and with the whole network `also`; its name."""
        namespace, interface = self.run.namespace(name), f"pod{next(self._numbers)}"
        command("ip", "netns", "add", namespace)
        command(
            *("ip", "link", "add", interface, "netns", self.node),
            *("type", "veth", "peer", "name", "eth0", "netns", namespace),
        )
        inside = ["link set lo up", "link set eth0 up", f"address add {address}/32 dev eth0"]
        inside += [f"route add {_ROUTER} dev eth0", f"route add default via {_ROUTER} dev eth0"]
        inside += [f"route add local {also} dev lo"] if also else []
        command("ip", "-netns", namespace, "-batch", "-", standard_input="\n".join(inside))
        # Ports below 1024 belong to whoever runs the pod, as container runtimes have it.
        command("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=0")
        outside = [f"link set {interface} up"]
        outside += [f"route add {each} dev {interface}" for each in (address, also) if each]
        command("ip", "-netns", self.node, "-batch", "-", standard_input="\n".join(outside))
        return namespace

    def disconnect(self, namespace: str) -> None:
        """Remove it; its interfaces go with it."""
        command("ip", "netns", "delete", namespace)

    def load(self, rules: str) -> None:
        """Let the node have these nftables rules, all at once."""
        command(*entering(self.node), "nft", "--file", "-", standard_input=rules)


def entering(namespace: str) -> tuple[str, ...]:
    """The beginning of a command that runs in a network namespace."""
    return ("nsenter", f"--net={_path(namespace)}", "--")


def enter(namespace: str) -> None:
    """Let the sockets that this thread opens from now on be in `namespace`."""
    with _opened(namespace) as descriptor:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(descriptor, _NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")


def within(namespace: str, work: Callable[[], T]) -> T:
    """The result of `work`, done in `namespace`; raises OSError where that is gone."""

    def work_there() -> T:
        enter(namespace)
        return work()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work_there).result(_WITHIN)


class Reach(Enum):
    """How an attempt to connect ends."""

    OPEN = "open"
    REFUSED = "nobody listens"
    FORBIDDEN = "forbidden"


def attempt(namespace: str, address: IPv4Address, port: int) -> Reach:
    """Connect from `namespace`. Who is forbidden to is told so; who finds nobody listening was not."""

    def connect() -> Reach:
        try:
            socket.create_connection((str(address), port), _WITHIN).close()
        except ConnectionRefusedError:
            return Reach.REFUSED
        except OSError as error:
            if error.errno == errno.EHOSTUNREACH:
                return Reach.FORBIDDEN
            raise
        return Reach.OPEN

    return within(namespace, connect)


@contextlib.contextmanager
def _opened(namespace: str) -> Iterator[int]:
    descriptor = os.open(_path(namespace), os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _path(namespace: str) -> Path:
    return Path("/run/netns") / namespace
