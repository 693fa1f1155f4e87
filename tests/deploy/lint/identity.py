"""Who a pod is, and what it may do: nothing that it does not need (6, 14-16)."""

from collections.abc import Iterator

from tests.deploy.lint.overlay import Overlay, title

_CLUSTER_SCOPED = {"Namespace"}
_RESTRICTED = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
_RBAC = {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}


def point_06_one_namespace(overlay: Overlay) -> Iterator[str]:
    """Every object is in the overlay's namespace, which enforces the Pod Security Standard `restricted`."""
    namespaces = overlay.of_kind("Namespace")
    if len(namespaces) != 1:
        yield f"there are {len(namespaces)} Namespaces"
    for namespace in namespaces:
        if namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{title(namespace)}: does not enforce restricted"
    for manifest in overlay.objects:
        if manifest["kind"] in _CLUSTER_SCOPED:
            continue
        if manifest["metadata"].get("namespace") != overlay.namespace:
            yield f"{title(manifest)}: is not in {overlay.namespace}"


def point_14_restricted(overlay: Overlay) -> Iterator[str]:
    """Each container runs as the Pod Security Standard `restricted` says, and on a read-only root."""
    for workload, container in overlay.containers():
        own = {**workload.pod.get("securityContext", {}), **container.get("securityContext", {})}
        for name, value in _RESTRICTED.items():
            if own.get(name) != value:
                yield f"{workload}: {name} is {own.get(name)}, not {value}"
        if own.get("runAsUser", 0) < 10000 or own.get("runAsGroup", 0) < 10000:
            yield f"{workload}: its user or group is below 10000"
        if own.get("privileged"):
            yield f"{workload}: is privileged"


def point_14_nothing_of_the_host(overlay: Overlay) -> Iterator[str]:
    """No namespace and no path of the host is in a pod."""
    for workload in overlay.workloads:
        if any(workload.pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{workload}: shares a namespace with the host"
        for volume in workload.pod.get("volumes", []):
            if "hostPath" in volume:
                yield f"{workload}: {volume['name']} is a path of the host"


def point_15_no_rights(overlay: Overlay) -> Iterator[str]:
    """A ServiceAccount each, without a token, and no RBAC at all."""
    accounts = [workload.pod.get("serviceAccountName") for workload in overlay.workloads]
    for workload in overlay.workloads:
        if accounts.count(workload.pod.get("serviceAccountName")) > 1:
            yield f"{workload}: shares its ServiceAccount"
        if workload.pod.get("automountServiceAccountToken") is not False:
            yield f"{workload}: gets a token"
    for account in overlay.of_kind("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"{title(account)}: gives tokens"
    for manifest in overlay.of_kind(*_RBAC):
        yield f"{title(manifest)}: gives rights"


def point_16_no_service_links(overlay: Overlay) -> Iterator[str]:
    """A Service `auth-server` would set AUTH_SERVER_PORT in every pod."""
    for workload in overlay.workloads:
        if workload.pod.get("enableServiceLinks") is not False:
            yield f"{workload}: enableServiceLinks is not false"
