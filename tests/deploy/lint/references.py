"""Names, ports and selectors lead somewhere (5)."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.deploy.lint.overlay import Object, Overlay, Workload, quantity, selects, title

_PATH_TYPES = {"Exact", "Prefix", "ImplementationSpecific"}


def point_05_selectors(overlay: Overlay) -> Iterator[str]:
    """What a workload, a Service, a PodDisruptionBudget or a PodMonitor selects exists."""
    for workload in overlay.workloads:
        if not selects(workload.spec["selector"], workload.labels):
            yield f"{workload}: its selector does not match its own template"
    for manifest in overlay.of_kind("Service", "PodDisruptionBudget", "PodMonitor"):
        if not _selected(overlay, manifest):
            yield f"{title(manifest)}: selects no pod"


def point_05_ports(overlay: Overlay) -> Iterator[str]:
    """Ports of Services and monitors are ports of the pods that they select."""
    for manifest in overlay.of_kind("Service"):
        yield from _ports_problems(overlay, manifest, [port["targetPort"] for port in manifest["spec"]["ports"]])
    for manifest in overlay.of_kind("PodMonitor"):
        endpoints = manifest["spec"]["podMetricsEndpoints"]
        yield from _ports_problems(overlay, manifest, [endpoint["port"] for endpoint in endpoints])


def point_05_ports_of_a_pod(overlay: Overlay) -> Iterator[str]:
    """Probes ask ports of their container, and a port's name is there once."""
    for workload in overlay.workloads:
        names = [port["name"] for each in workload.containers for port in each.get("ports", [])]
        if len(names) != len(set(names)):
            yield f"{workload}: a port's name is there twice"
        for container in workload.containers:
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                handler = container.get(probe, {})
                asked = handler.get("httpGet", handler.get("tcpSocket", {})).get("port")
                if asked is not None and not _leads(asked, workload):
                    yield f"{workload}: {probe} asks port {asked}, which it does not have"


def point_05_backends(overlay: Overlay) -> Iterator[str]:
    """Ingresses and HTTPRoutes lead to Services that exist, at ports that they have."""
    for manifest, backend in _backends(overlay):
        service = overlay.find("Service", backend["name"])
        ports = {key for each in (service or {"spec": {"ports": []}})["spec"]["ports"] for key in _keys(each)}
        if backend["port"] not in ports:
            yield f"{title(manifest)}: leads to {backend['name']} port {backend['port']}, which is not there"
    for ingress in overlay.of_kind("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                if path.get("pathType") not in _PATH_TYPES:
                    yield f"{title(ingress)}: {path['path']} has the pathType {path.get('pathType')}"


def point_05_mounts(overlay: Overlay) -> Iterator[str]:
    """Volumes and variables come from ConfigMaps that exist; each volume is mounted, each mount has a volume."""
    for workload, container in overlay.containers():
        claims = [each["metadata"]["name"] for each in workload.spec.get("volumeClaimTemplates", [])]
        volumes = {each["name"] for each in workload.pod.get("volumes", [])} | set(claims)
        mounted = {each["name"] for each in container.get("volumeMounts", [])}
        for name in sorted(volumes ^ mounted):
            yield f"{workload}: {name} is " + ("not mounted" if name in volumes else "mounted, and no volume")
        sources = [each["configMap"]["name"] for each in workload.pod.get("volumes", []) if "configMap" in each]
        sources += [each["configMapRef"]["name"] for each in container.get("envFrom", []) if "configMapRef" in each]
        for name in sources:
            if overlay.find("ConfigMap", name) is None:
                yield f"{workload}: the ConfigMap {name} is not there"


def point_05_accounts_and_targets(overlay: Overlay) -> Iterator[str]:
    """A ServiceAccount, a StatefulSet's Service and an autoscaler's target exist."""
    for workload in overlay.workloads:
        if overlay.find("ServiceAccount", workload.pod.get("serviceAccountName", "")) is None:
            yield f"{workload}: its ServiceAccount is not there"
        if workload.kind == "StatefulSet" and overlay.find("Service", workload.spec["serviceName"]) is None:
            yield f"{workload}: its Service is not there"
    for scaler in overlay.of_kind("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        if overlay.find(target["kind"], target["name"]) is None:
            yield f"{title(scaler)}: its target is not there"


def point_05_quantities(overlay: Overlay) -> Iterator[str]:
    """Quantities are quantities, and no request is above its limit; schemas take any text."""
    for workload, container in overlay.containers():
        resources = container.get("resources", {})
        limits, requests = resources.get("limits", {}), resources.get("requests", {})
        for name, text in [*limits.items(), *requests.items()]:
            if quantity(text) is None:
                yield f"{workload}: {text} is no quantity of {name}"
        for name in limits.keys() & requests.keys():
            if (quantity(requests[name]) or 0) > (quantity(limits[name]) or 0):
                yield f"{workload}: requests more {name} than its limit"


def _selected(overlay: Overlay, manifest: Object) -> list[Workload]:
    selector = manifest["spec"]["selector"]
    wanted = {"matchLabels": selector} if manifest["kind"] == "Service" else selector
    return [workload for workload in overlay.workloads if selects(wanted, workload.labels)]


def _ports_problems(overlay: Overlay, manifest: Object, ports: list[Any]) -> Iterator[str]:
    for port in ports:
        if not all(_leads(port, workload) for workload in _selected(overlay, manifest)):
            yield f"{title(manifest)}: leads to port {port}, which a pod of its does not have"


def _leads(port: Any, workload: Workload) -> bool:
    return port in workload.ports or port in workload.ports.values()


def _keys(port: Mapping[str, Any]) -> list[Any]:
    return [port["name"], port["port"]]


def _backends(overlay: Overlay) -> Iterator[tuple[Object, Object]]:
    for ingress in overlay.of_kind("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                yield ingress, {"name": service["name"], "port": next(iter(service["port"].values()))}
    for route in overlay.of_kind("HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                yield route, backend
