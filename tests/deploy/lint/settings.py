"""ConfigMaps roll pods out, and there is one host name (9, 10)."""

import json
import re
from collections.abc import Iterator

from tests.deploy.lint.overlay import Overlay, title

_HASHED = re.compile(r".+-[a-z0-9]{10}")
_PLACEHOLDER = "installation.invalid"
# Variables that are the public URL, and those that begin with it.
_SAME = {"OAUTH2_PUBLIC_URL", "MCP_EXTERNAL_BASE_URL", "EXTERNAL_AUTH_SERVICE_URL"}
_BELOW = re.compile(r"OAUTH2_ALLOWED_REDIRECT_URI|[A-Z0-9]+_REDIRECT_URI")


def point_09_config_maps(overlay: Overlay) -> Iterator[str]:
    """Each ConfigMap has a hash in its name, and a pod template that names it."""
    templates = json.dumps([workload.manifest for workload in overlay.workloads])
    for config_map in overlay.of_kind("ConfigMap"):
        name = config_map["metadata"]["name"]
        if not _HASHED.fullmatch(name):
            yield f"{title(config_map)}: has no hash of what is in it"
        if f'"{name}"' not in templates:
            yield f"{title(config_map)}: no pod uses it"


def point_10_one_url(overlay: Overlay) -> Iterator[str]:
    """Every public URL that a service is told is PUBLIC_BASE_URL, or below it."""
    for workload in overlay.services:
        for name, value in overlay.variables(workload).items():
            if name in _SAME and value != overlay.public_base_url:
                yield f"{workload}: {name} is not PUBLIC_BASE_URL"
            if _BELOW.fullmatch(name) and not value.startswith(f"{overlay.public_base_url}/"):
                yield f"{workload}: {name} is not below PUBLIC_BASE_URL"


def point_10_one_host(overlay: Overlay) -> Iterator[str]:
    """Every host of an Ingress, its TLS or an HTTPRoute is that of PUBLIC_BASE_URL, which has no port."""
    if ":" in overlay.host:
        yield "PUBLIC_BASE_URL has a port, and hosts of an Ingress have none"
    for ingress in overlay.of_kind("Ingress"):
        hosts = [rule.get("host") for rule in ingress["spec"]["rules"]]
        hosts += [host for each in ingress["spec"].get("tls", []) for host in each["hosts"]]
        if set(hosts) != {overlay.host}:
            yield f"{title(ingress)}: its hosts are not that of PUBLIC_BASE_URL"
    for route in overlay.of_kind("HTTPRoute"):
        if route["spec"].get("hostnames") != [overlay.host]:
            yield f"{title(route)}: its hostnames are not that of PUBLIC_BASE_URL"


def point_10_nothing_left_over(overlay: Overlay) -> Iterator[str]:
    """No placeholder is left: installation.env has a value for each, and the overlay names where it goes."""
    for manifest in overlay.objects:
        if _PLACEHOLDER in json.dumps(manifest):
            yield f"{title(manifest)}: {_PLACEHOLDER} is left in it"
