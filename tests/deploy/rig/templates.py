"""Templates of the rig's own pods."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.deploy.rig.manifests import Object


def template_of(
    image: str,
    command: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    *,
    probe: Object | None = None,
    restarts: bool = True,
) -> Object:
    """The template of a pod of the rig's own, with an unprivileged user and /tmp.

    `restarts` says whether it is started again when it ends.
    """
    container: dict[str, Any] = {"name": image, "image": image, **({"command": [*command]} if command else {})}
    container["env"] = [{"name": name, "value": value} for name, value in (variables or {}).items()]
    container["volumeMounts"] = [{"name": "tmp", "mountPath": "/tmp"}]
    container |= {"readinessProbe": {**probe, "periodSeconds": 1}} if probe else {}
    volumes = [{"name": "tmp", "emptyDir": {}}]
    rights = {"runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
    spec = {"containers": [container], "volumes": volumes, "securityContext": rights, "enableServiceLinks": False}
    spec["restartPolicy"] = "Always" if restarts else "Never"
    return {"metadata": {"labels": {"app.kubernetes.io/name": image}}, "spec": spec}


def idle(labels: Mapping[str, str]) -> Object:
    """Does nothing."""
    container = {"name": "idle", "image": "idle", "command": ["sleep", "infinity"]}
    return {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
