"""How a pod starts, is watched, and stops without anybody noticing (17-19)."""

from collections.abc import Iterator

from auth_server.serving import _GRACEFUL as AUTH_SERVER_GRACE
from mcp_gateway.serving import _GRACEFUL as MCP_GATEWAY_GRACE
from tests.deploy.lint.overlay import Overlay

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_PAUSE = 5
# How long a process takes at most to stop, in seconds.
_GRACE = {"auth-server": AUTH_SERVER_GRACE.total_seconds(), "mcp-gateway": MCP_GATEWAY_GRACE.total_seconds()}


def point_17_probes(overlay: Overlay) -> Iterator[str]:
    """All three probes everywhere; of the services, only readiness asks for what they depend on."""
    for workload, container in overlay.containers():
        for probe in _PROBES:
            if probe not in container:
                yield f"{workload}: has no {probe}"
    for workload in overlay.services:
        for container in workload.containers:
            for probe in _PROBES:
                asked = container.get(probe, {}).get("httpGet", {})
                wanted = "/health/ready" if probe == "readinessProbe" else "/health/live"
                if asked and (asked["path"], asked["port"]) != (wanted, "management"):
                    yield f"{workload}: {probe} asks {asked['path']} at {asked['port']}"


def point_18_stopping(overlay: Overlay) -> Iterator[str]:
    """A pause before SIGTERM in which proxies forget the pod, and time for both before SIGKILL."""
    for workload in overlay.workloads:
        if workload.kind != "Deployment":
            continue
        for container in workload.containers:
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            needed = pause + _GRACE.get(workload.name, 0)
            if pause < _PAUSE:
                yield f"{workload}: pauses for {pause} s before SIGTERM"
            if needed >= workload.pod.get("terminationGracePeriodSeconds", 30):
                yield f"{workload}: is killed while it still stops, which takes {needed:.0f} s"


def point_19_rollout(overlay: Overlay) -> Iterator[str]:
    """A new pod is ready before an old one goes, and a rollout that hangs says so."""
    for workload in overlay.workloads:
        if workload.kind != "Deployment":
            continue
        rolling = workload.spec.get("strategy", {}).get("rollingUpdate", {})
        if (rolling.get("maxUnavailable"), rolling.get("maxSurge")) != (0, 1):
            yield f"{workload}: rolls out with a pod less, or with many more"
        for key in ("minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit"):
            if not workload.spec.get(key):
                yield f"{workload}: has no {key}"
