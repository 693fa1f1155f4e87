"""What leads from outside to which service (11-13)."""

from collections.abc import Iterator, Mapping

from tests.deploy.lint.overlay import Overlay, selects, title

TABLE = {"/gateway-oauth": "auth-server", "/login": "auth-server", "/callback": "auth-server", "/": "mcp-gateway"}
_PUBLIC_METRICS = {"auth-server": "OAUTH2_PUBLIC_METRICS", "mcp-gateway": "MCP_PUBLIC_METRICS"}


def routes(overlay: Overlay) -> dict[str, str]:
    """The Service of every path prefix, of Ingresses and HTTPRoutes alike."""
    found: dict[str, str] = {}
    for ingress in overlay.of_kind("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                kind = "" if path["pathType"] == "Prefix" else f" ({path['pathType']})"
                found[path["path"] + kind] = path["backend"]["service"]["name"]
    for route in overlay.of_kind("HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for match in rule["matches"]:
                kind = "" if match["path"]["type"] == "PathPrefix" else f" ({match['path']['type']})"
                found[match["path"]["value"] + kind] = ", ".join(each["name"] for each in rule["backendRefs"])
    return found


def destination(table: Mapping[str, str], path: str) -> str | None:
    """Where a path leads: the longest prefix of whole elements, as Ingress and Gateway API both define it."""
    fits = [prefix for prefix in table if prefix == "/" or f"{path}/".startswith(f"{prefix.rstrip('/')}/")]
    return table[max(fits, key=len)] if fits else None


def point_11_table(overlay: Overlay) -> Iterator[str]:
    """Exactly these paths lead to exactly these services, once each."""
    found = routes(overlay)
    for path in sorted(TABLE.keys() | found.keys()):
        if found.get(path) != TABLE.get(path):
            yield f"{path} leads to {found.get(path)}, not to {TABLE.get(path)}"
    if overlay.of_kind("Ingress") and overlay.of_kind("HTTPRoute"):
        yield "there are both Ingresses and HTTPRoutes"


def point_12_no_controller(overlay: Overlay) -> Iterator[str]:
    """No class and no annotation of one controller; whoever installs adds those of theirs."""
    for ingress in overlay.of_kind("Ingress"):
        if ingress["metadata"].get("annotations") or "ingressClassName" in ingress["spec"]:
            yield f"{title(ingress)}: is for one controller"


def point_12_tls(overlay: Overlay) -> Iterator[str]:
    """TLS for every host, outside development."""
    for ingress in overlay.of_kind("Ingress"):
        named = {host for each in ingress["spec"].get("tls", []) if each.get("secretName") for host in each["hosts"]}
        missing = {rule["host"] for rule in ingress["spec"]["rules"]} - named
        if not overlay.is_development and missing:
            yield f"{title(ingress)}: no TLS for {', '.join(sorted(missing))}"
    for route in overlay.of_kind("HTTPRoute"):
        if any(parent.get("sectionName") != "https" for parent in route["spec"]["parentRefs"]):
            yield f"{title(route)}: is not bound to the listener `https` alone"
    if not overlay.is_development and not overlay.public_base_url.startswith("https://"):
        yield "PUBLIC_BASE_URL is not https"


def point_13_metrics_inside(overlay: Overlay) -> Iterator[str]:
    """The public port does not answer /metrics, and no Service leads to the port that does."""
    for workload in overlay.services:
        if overlay.variables(workload).get(_PUBLIC_METRICS[workload.name]) != "false":
            yield f"{workload}: {_PUBLIC_METRICS[workload.name]} is not false"
        management = {"management", workload.ports.get("management")}
        for service in overlay.of_kind("Service"):
            if not selects({"matchLabels": service["spec"]["selector"]}, workload.labels):
                continue
            if any(port["targetPort"] in management for port in service["spec"]["ports"]):
                yield f"{title(service)}: leads to the management port of {workload.name}"
