"""Custom resources: their schemas come with their operators, so what a field may be called stands here (3)."""

from collections.abc import Iterator
from typing import Any

from tests.deploy.lint.overlay import Overlay, title

# What we use of each; `[]` stands for every entry of a list, `*` for any key.
_KNOWN = {
    "ExternalSecret": """
        spec.refreshInterval spec.secretStoreRef.kind spec.secretStoreRef.name
        spec.target.name spec.target.creationPolicy spec.data[].secretKey spec.data[].remoteRef.key
        spec.data[].remoteRef.property
    """,
    "PodMonitor": """
        spec.jobLabel spec.selector.matchExpressions[].key spec.selector.matchExpressions[].operator
        spec.selector.matchExpressions[].values[] spec.podMetricsEndpoints[].port spec.podMetricsEndpoints[].path
        spec.podMetricsEndpoints[].interval
    """,
    "PrometheusRule": """
        spec.groups[].name spec.groups[].rules[].alert spec.groups[].rules[].expr spec.groups[].rules[].for
        spec.groups[].rules[].labels.* spec.groups[].rules[].annotations.*
    """,
    "HTTPRoute": """
        spec.parentRefs[].name spec.parentRefs[].namespace spec.parentRefs[].sectionName spec.hostnames[]
        spec.rules[].matches[].path.type spec.rules[].matches[].path.value spec.rules[].timeouts.request
        spec.rules[].timeouts.backendRequest spec.rules[].backendRefs[].name spec.rules[].backendRefs[].port
    """,
}
_VERSIONS = {
    "ExternalSecret": "external-secrets.io/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
}


def point_03_custom_resources(overlay: Overlay) -> Iterator[str]:
    """Only fields that are known, of the version that is served."""
    for kind, known in _KNOWN.items():
        for manifest in overlay.of_kind(kind):
            if manifest["apiVersion"] != _VERSIONS[kind]:
                yield f"{title(manifest)}: is of {manifest['apiVersion']}, not of {_VERSIONS[kind]}"
            for path in sorted(set(_paths(manifest["spec"], "spec")) - set(known.split())):
                if f"{path.rpartition('.')[0]}.*" not in known.split():
                    yield f"{title(manifest)}: {path} is not known"


def _paths(node: Any, path: str) -> Iterator[str]:
    match node:
        case dict():
            for key, value in node.items():
                yield from _paths(value, f"{path}.{key}")
        case list():
            for value in node:
                yield from _paths(value, f"{path}[]")
        case _:
            yield path
