"""Probes: httpGet and tcpSocket from the node, exec in the container."""

import http.client
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.deploy.rig.manifests import NotRunnable, Object
from tests.deploy.rig.sandbox import Sandbox


@dataclass
class Probe:
    """One of a container's probes, and how it went lately.

    Args:
        ask: Whether the container passes.
        period: Seconds between two times, in real time.
        needed, allowed: How many passes in a row make it good, and how many failures in a row bad.
        due: When it is asked next.
        is_good: What it says so far.
    """

    ask: Callable[[], bool]
    period: float
    needed: int
    allowed: int
    due: float
    is_good: bool = False
    _in_a_row: int = 0
    _last: bool | None = None

    def take(self, now: float) -> bool:
        """Ask; whether `allowed` failures in a row have been reached."""
        passed = self.ask()
        self.due = now + self.period
        self._in_a_row = self._in_a_row + 1 if passed is self._last else 1
        self._last = passed
        if passed and self._in_a_row >= self.needed:
            self.is_good = True
        if not passed and self._in_a_row >= self.allowed:
            self.is_good = False
            return True
        return False


def probe(
    container: Object, kind: str, sandbox: Sandbox, address: IPv4Address, pace: float, now: float
) -> Probe | None:
    """The container's startupProbe, readinessProbe or livenessProbe, if it has one; `pace` shortens its periods."""
    wanted = container.get(kind)
    if wanted is None:
        return None
    timeout = wanted.get("timeoutSeconds", 1)
    if "httpGet" in wanted:
        asked = wanted["httpGet"]
        port = port_number(container, asked["port"])

        def ask() -> bool:
            return http_passes(address, port, asked["path"], timeout)
    elif "exec" in wanted:

        def ask() -> bool:
            return sandbox.run(wanted["exec"]["command"], timeout) == 0
    elif "tcpSocket" in wanted:
        listening = port_number(container, wanted["tcpSocket"]["port"])

        def ask() -> bool:
            return connects(address, listening, timeout)
    else:
        raise NotRunnable(f"a probe with {sorted(wanted)}")
    return Probe(
        ask,
        wanted.get("periodSeconds", 10) / pace,
        wanted.get("successThreshold", 1),
        wanted.get("failureThreshold", 3),
        now + wanted.get("initialDelaySeconds", 0) / pace,
    )


def http_passes(address: IPv4Address, port: int, path: str, timeout: float) -> bool:
    """Whether a GET is answered with 2xx or 3xx."""
    connection = http.client.HTTPConnection(str(address), port, timeout=timeout)
    try:
        connection.request("GET", path)
        return 200 <= connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def connects(address: IPv4Address, port: int, timeout: float) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((str(address), port), timeout).close()
    except OSError:
        return False
    return True


def port_number(container: Object, port: int | str) -> int:
    """The number of a port that may be named. Raises NotRunnable for a name that the container does not have."""
    if isinstance(port, int):
        return port
    for each in container.get("ports", []):
        if each.get("name") == port:
            return int(each["containerPort"])
    raise NotRunnable(f"{container['name']} has no port {port}")
