"""Secrets are files, and every key of one is accounted for (7, 8)."""

import re
from collections.abc import Iterator

from tests.deploy.lint.overlay import Overlay, Workload, title

_IS_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|_KEYS?(_|$)|REDIS_URL")
# A password in a URL, a private key, or the base64 of 32 bytes that somebody meant to move later.
_LOOKS_SECRET = re.compile(r"://[^/\s:@]*:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY|(?<![\w/+])[A-Za-z0-9+/]{43}=")
_MODE = 0o440


def keys_read(overlay: Overlay, workload: Workload) -> Iterator[tuple[str, str]]:
    """The Secret and the key of every file that a variable or an argument of `workload` names."""
    for container in workload.containers:
        named = [*overlay.variables(workload).values(), *container.get("command", []), *container.get("args", [])]
        named += [word for text in _configuration(overlay, workload) for word in text.split()]
        for mount in container.get("volumeMounts", []):
            secret = (workload.volume(mount["name"]) or {}).get("secret")
            if secret:
                prefix = f"{mount['mountPath']}/"
                yield from sorted(
                    {(secret["secretName"], p.removeprefix(prefix)) for p in named if p.startswith(prefix)}
                )


def _configuration(overlay: Overlay, workload: Workload) -> Iterator[str]:
    for volume in workload.pod.get("volumes", []):
        config_map = overlay.find("ConfigMap", volume.get("configMap", {}).get("name", ""))
        yield from (config_map or {"data": {}})["data"].values()


def keys_made(overlay: Overlay) -> set[tuple[str, str]]:
    """The Secret and the key of everything that an ExternalSecret or, in development, a Secret has."""
    made = {(s["metadata"]["name"], key) for s in overlay.of_kind("Secret") for key in s.get("data", {})}
    for external in overlay.of_kind("ExternalSecret"):
        name = external["spec"]["target"]["name"]
        made |= {(name, each["secretKey"]) for each in external["spec"]["data"]}
    return made


def point_07_no_secret_in_manifests(overlay: Overlay) -> Iterator[str]:
    """Outside development nothing is a Secret."""
    if not overlay.is_development:
        yield from (f"{title(each)}: a Secret is among the manifests" for each in overlay.of_kind("Secret"))


def point_07_every_key_is_made(overlay: Overlay) -> Iterator[str]:
    """What a service reads is what an ExternalSecret makes, no more and no less."""
    read = {each for workload in overlay.workloads for each in keys_read(overlay, workload)}
    for name, key in sorted(read ^ keys_made(overlay)):
        yield f"Secret {name}: {key} is " + ("read, and nobody makes it" if (name, key) in read else "not read")


def point_08_secrets_are_files(overlay: Overlay) -> Iterator[str]:
    """No secret in a variable or an argument."""
    for workload, container in overlay.containers():
        sources = [*container.get("envFrom", []), *(each.get("valueFrom", {}) for each in container.get("env", []))]
        if any("secretRef" in each or "secretKeyRef" in each for each in sources):
            yield f"{workload}: a variable comes from a Secret"
        for name, value in overlay.variables(workload).items():
            if value and _IS_SECRET.search(name) and not name.endswith("_FILE"):
                yield f"{workload}: the variable {name} holds a secret"
        if any(_LOOKS_SECRET.search(each) for each in [*container.get("command", []), *container.get("args", [])]):
            yield f"{workload}: an argument looks like a secret"


def point_08_no_secret_in_config_maps(overlay: Overlay) -> Iterator[str]:
    """Nor in a ConfigMap."""
    for config_map in overlay.of_kind("ConfigMap"):
        for key, value in config_map["data"].items():
            if _LOOKS_SECRET.search(value):
                yield f"{title(config_map)}: {key} looks like a secret"


def point_08_mode(overlay: Overlay) -> Iterator[str]:
    """The files are for the pod's user and group alone, and nobody writes them."""
    for workload, container in overlay.containers():
        for mount in container.get("volumeMounts", []):
            secret = (workload.volume(mount["name"]) or {}).get("secret")
            if secret is None:
                continue
            if secret.get("defaultMode") != _MODE or any("mode" in each for each in secret.get("items", [])):
                yield f"{workload}: the files of {secret['secretName']} do not have the mode 0440"
            if mount.get("readOnly") is not True or "subPath" in mount:
                yield f"{workload}: {secret['secretName']} is not mounted read-only and whole"
