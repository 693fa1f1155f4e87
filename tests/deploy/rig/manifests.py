"""The objects of a rendered overlay."""

import base64
import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Object = Mapping[str, Any]

_RUN = {"Namespace", "ConfigMap", "Secret", "Service", "Deployment", "StatefulSet", "NetworkPolicy", "Ingress"}
# Who schedules, scales, watches or brings Secrets is not here. PersistentVolumeClaims are made when first used.
_LEFT_OUT = {
    "ClusterSecretStore",
    "ExternalSecret",
    "Gateway",
    "HTTPRoute",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PodMonitor",
    "PrometheusRule",
    "SecretStore",
    "ServiceAccount",
}
_READ = {"HorizontalPodAutoscaler"}


class NotRunnable(Exception):
    """The manifests say something that the rig cannot do, and so would prove nothing of."""


@dataclass(frozen=True)
class Manifests:
    """What `kubectl apply` would send."""

    objects: tuple[Object, ...]

    @classmethod
    def parse(cls, rendered: str) -> "Manifests":
        """The objects of a YAML stream. Raises NotRunnable for a kind that nobody thought of."""
        objects = tuple(each for each in yaml.safe_load_all(rendered) if each)
        if unknown := {each["kind"] for each in objects} - _RUN - _LEFT_OUT - _READ:
            raise NotRunnable(f"unknown kinds: {', '.join(sorted(unknown))}")
        return cls(objects)

    def with_objects(self, *objects: Object) -> "Manifests":
        """These and others."""
        return Manifests((*self.objects, *objects))

    def edited(self, kind: str, name: str, edit: Callable[[dict[str, Any]], None]) -> "Manifests":
        """These, with one object changed. Raises NotRunnable where there is none, so that no test edits in vain."""
        chosen = copy.deepcopy(dict(only((o for o in self.of_kind(kind) if o["metadata"]["name"] == name), name)))
        edit(chosen)
        kept = (each for each in self.objects if (each["kind"], each["metadata"]["name"]) != (kind, name))
        return Manifests((*kept, chosen))

    def with_secrets_of(self, store: Mapping[str, Mapping[str, str]]) -> "Manifests":
        """These, and the Secrets that their ExternalSecrets make of what the secret store holds.

        Raises:
            NotRunnable: The store does not have what an ExternalSecret asks for.
        """
        return self.with_objects(*(_secret(each, store) for each in self.of_kind("ExternalSecret")))

    def of_kind(self, kind: str, namespace: str | None = None) -> list[Object]:
        """Every object of that kind, in that namespace where one is named."""
        return [each for each in self.objects if each["kind"] == kind and namespace in {None, namespace_of(each)}]

    def find(self, kind: str, name: str, namespace: str) -> Object | None:
        """The object of that name."""
        named = [each for each in self.of_kind(kind, namespace) if each["metadata"]["name"] == name]
        return named[0] if named else None

    def require(self, kind: str, name: str, namespace: str) -> Object:
        """The object of that name. Raises NotRunnable: a pod that refers to it could not start."""
        found = self.find(kind, name, namespace)
        if found is None:
            raise NotRunnable(f"{namespace} has no {kind} {name}")
        return found

    def labels_of_namespace(self, name: str) -> dict[str, str]:
        """Those of the Namespace object, and the one that every namespace has."""
        found = [each for each in self.of_kind("Namespace") if each["metadata"]["name"] == name]
        labels = found[0]["metadata"].get("labels", {}) if found else {}
        return {**labels, "kubernetes.io/metadata.name": name}


def _secret(external: Object, store: Mapping[str, Mapping[str, str]]) -> Object:
    values: dict[str, str] = {}
    for each in external["spec"]["data"]:
        key, name = each["remoteRef"]["key"], each["remoteRef"]["property"]
        if name not in store.get(key, {}):
            raise NotRunnable(f"the secret store has no {name} in {key}")
        values[each["secretKey"]] = store[key][name]
    metadata = {"name": external["spec"]["target"]["name"], "namespace": namespace_of(external)}
    return {"kind": "Secret", "metadata": metadata, "stringData": values}


def namespace_of(thing: Object) -> str:
    return str(thing["metadata"].get("namespace", "default"))


def contents(thing: Object) -> dict[str, bytes]:
    """The keys of a ConfigMap or a Secret, and what they hold."""
    is_secret = thing["kind"] == "Secret"
    plain = thing.get("stringData", {}) if is_secret else thing.get("data", {})
    encoded = thing.get("data", {}) if is_secret else thing.get("binaryData", {})
    return {key: text.encode() for key, text in plain.items()} | {
        key: base64.b64decode(text) for key, text in encoded.items()
    }


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector, an empty one included, selects what has these labels."""
    wanted = selector.get("matchLabels", {})
    return all(labels.get(name) == value for name, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions", [])
    )


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    name, values = expression["key"], expression.get("values", [])
    match expression["operator"]:
        case "In":
            return labels.get(name) in values
        case "NotIn":
            return labels.get(name) not in values
        case "Exists":
            return name in labels
        case "DoesNotExist":
            return name not in labels
        case other:
            raise NotRunnable(f"unknown operator {other}")


def only(things: Iterable[Object], what: str) -> Object:
    """The one thing there is. Raises NotRunnable for none, or several."""
    found = list(things)
    if len(found) != 1:
        raise NotRunnable(f"{len(found)} {what}, where the rig runs one")
    return found[0]
