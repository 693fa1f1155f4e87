"""A rendered overlay, and the ways into it that rules share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

Object = dict[str, Any]

NAME = "app.kubernetes.io/name"
# What is installed for people; the development overlay has more beside it.
SERVICES = ("auth-server", "mcp-gateway")
_UNITS = {"": 1, "m": 0.001, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@dataclass(frozen=True)
class Workload:
    """A Deployment or StatefulSet."""

    manifest: Object

    @property
    def kind(self) -> str:
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def spec(self) -> Object:
        return dict(self.manifest["spec"])

    @property
    def labels(self) -> Mapping[str, str]:
        return dict(self.spec["template"]["metadata"].get("labels", {}))

    @property
    def pod(self) -> Object:
        return dict(self.spec["template"]["spec"])

    @property
    def containers(self) -> list[Object]:
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def ports(self) -> dict[str, int]:
        """By their names."""
        return {port["name"]: port["containerPort"] for each in self.containers for port in each.get("ports", [])}

    def volume(self, name: str) -> Object | None:
        """The pod's volume of that name."""
        return next((each for each in self.pod.get("volumes", []) if each["name"] == name), None)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Overlay:
    """What an overlay renders to.

    Args:
        name: Of its directory.
        installation: What its installation.env says.
        objects: In the order they were rendered in.
    """

    name: str
    installation: Mapping[str, str]
    objects: list[Object]

    @classmethod
    def parse(cls, name: str, installation: Mapping[str, str], rendered: str) -> "Overlay":
        """From a YAML stream."""
        return cls(name, installation, list(yaml.safe_load_all(rendered)))

    @property
    def is_development(self) -> bool:
        return self.name == "dev"

    @property
    def public_base_url(self) -> str:
        return self.installation["PUBLIC_BASE_URL"]

    @property
    def host(self) -> str:
        return urlsplit(self.public_base_url).netloc

    @property
    def namespace(self) -> str:
        """The name of the one Namespace, or nothing."""
        return next((str(each["metadata"]["name"]) for each in self.of_kind("Namespace")), "")

    @property
    def workloads(self) -> list[Workload]:
        return [Workload(each) for each in self.of_kind("Deployment", "StatefulSet")]

    @property
    def services(self) -> list[Workload]:
        """The two that people come for."""
        return [workload for workload in self.workloads if workload.name in SERVICES]

    def of_kind(self, *kinds: str) -> list[Object]:
        return [each for each in self.objects if each["kind"] in kinds]

    def find(self, kind: str, name: str) -> Object | None:
        return next((each for each in self.of_kind(kind) if each["metadata"]["name"] == name), None)

    def containers(self) -> Iterator[tuple[Workload, Object]]:
        """Every container, with its workload."""
        for workload in self.workloads:
            for container in workload.containers:
                yield workload, container

    def variables(self, workload: Workload) -> dict[str, str]:
        """What a container of `workload` finds in its environment."""
        found: dict[str, str] = {}
        for container in workload.containers:
            for source in container.get("envFrom", []):
                config_map = self.find("ConfigMap", source.get("configMapRef", {}).get("name", ""))
                found |= config_map["data"] if config_map else {}
            found |= {each["name"]: each.get("value", "") for each in container.get("env", [])}
        return found


def title(manifest: Object) -> str:
    """How a finding calls an object."""
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches everything."""
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(_holds(each, labels) for each in selector.get("matchExpressions", []))


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if expression["operator"] != "In":
        raise NotImplementedError(f"the operator {expression['operator']}")
    return labels.get(expression["key"]) in expression["values"]


def quantity(text: Any) -> float | None:
    """A resource quantity as a number, or None where it is none."""
    digits = str(text).rstrip("mkMGKi")
    unit = str(text)[len(digits) :]
    try:
        return float(digits) * _UNITS[unit]
    except (ValueError, KeyError):
        return None
