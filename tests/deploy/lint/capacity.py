"""What a pod may use, how many there are, and where (20-23)."""

from collections.abc import Iterator

from tests.deploy.lint.overlay import NAME, SERVICES, Overlay, Workload, selects, title

_RESOURCES = {"cpu", "memory", "ephemeral-storage"}
_SPREAD = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")


def point_20_resources(overlay: Overlay) -> Iterator[str]:
    """Requests and limits of everything that can run out."""
    for workload, container in overlay.containers():
        for kind in ("requests", "limits"):
            for name in sorted(_RESOURCES - container.get("resources", {}).get(kind, {}).keys()):
                yield f"{workload}: {kind} no {name}"
    for workload in overlay.workloads:
        for volume in workload.pod.get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{workload}: {volume['name']} may fill the node"


def point_21_replicas(overlay: Overlay) -> Iterator[str]:
    """Replicas are said by the Deployment or by an autoscaler, and the process is told the same number."""
    for workload in overlay.services:
        scaler = overlay.find("HorizontalPodAutoscaler", workload.name)
        said = workload.spec.get("replicas")
        if (scaler is None) == (said is None):
            yield f"{workload}: replicas are said twice, or not at all"
        expected = said if scaler is None else scaler["spec"].get("minReplicas", 1)
        if overlay.variables(workload).get("REPLICAS", "1") != str(expected):
            yield f"{workload}: REPLICAS is not {expected}"
        if not overlay.is_development and int(expected or 1) < 2:
            yield f"{workload}: has no second replica"


def point_21_autoscalers(overlay: Overlay) -> Iterator[str]:
    """At least two remain, and none goes because of a short lull."""
    for scaler in overlay.of_kind("HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        if spec.get("minReplicas", 1) < 2 or spec["maxReplicas"] < spec.get("minReplicas", 1):
            yield f"{title(scaler)}: from {spec.get('minReplicas', 1)} to {spec['maxReplicas']} replicas"
        if spec.get("behavior", {}).get("scaleDown", {}).get("stabilizationWindowSeconds", 0) < 300:
            yield f"{title(scaler)}: scales down at once"


def point_22_disruptions(overlay: Overlay) -> Iterator[str]:
    """One pod of a service at a time may be drained, and a broken one never keeps a node."""
    for workload in overlay.services:
        budgets = [
            each["spec"]
            for each in overlay.of_kind("PodDisruptionBudget")
            if selects(each["spec"]["selector"], workload.labels)
        ]
        if [each.get("maxUnavailable") for each in budgets] != [1]:
            yield f"{workload}: has not one PodDisruptionBudget with maxUnavailable 1"
        if any(each.get("unhealthyPodEvictionPolicy") != "AlwaysAllow" for each in budgets):
            yield f"{workload}: a pod that is not ready keeps its node"


def point_23_spread(overlay: Overlay) -> Iterator[str]:
    """Over hosts, in production without exception, and over zones."""
    for workload in overlay.workloads:
        if workload.name not in SERVICES:
            continue
        constraints = {each["topologyKey"]: each for each in workload.pod.get("topologySpreadConstraints", [])}
        for key in _SPREAD:
            yield from _spread_problems(workload, key, constraints.get(key))
        hosts = constraints.get(_SPREAD[0], {})
        if overlay.name.startswith("production") and hosts.get("whenUnsatisfiable") != "DoNotSchedule":
            yield f"{workload}: two replicas may share a host"


def _spread_problems(workload: Workload, key: str, constraint: dict[str, object] | None) -> Iterator[str]:
    if constraint is None:
        yield f"{workload}: is not spread over {key}"
    elif constraint.get("labelSelector") != {"matchLabels": {NAME: workload.name}}:
        yield f"{workload}: counts other pods than its own over {key}"
    elif constraint.get("matchLabelKeys") != ["pod-template-hash"] or constraint.get("maxSkew") != 1:
        yield f"{workload}: counts pods of other releases over {key}"
