"""The variables of a container."""

from collections.abc import Iterator, Mapping

from tests.deploy.rig.manifests import Manifests, NotRunnable, Object, contents

_KINDS = {"configMapRef": "ConfigMap", "secretRef": "Secret", "configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}


def variables(manifests: Manifests, namespace: str, container: Object, fields: Mapping[str, str]) -> dict[str, str]:
    """`envFrom` and `env`, the later ones winning.

    Args:
        manifests, namespace: Where ConfigMaps and Secrets are.
        container: Whose.
        fields: What a `fieldRef` can name, by its path.
    """
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        prefix = source.get("prefix", "")
        (reference,) = source.keys() - {"prefix"}
        held = _held(manifests, namespace, _KINDS[reference], source[reference])
        found |= {prefix + name: value.decode() for name, value in held.items()}
    for variable in container.get("env", []):
        for value in _values(manifests, namespace, variable, fields):
            found[variable["name"]] = value
    return found


def _values(manifests: Manifests, namespace: str, variable: Object, fields: Mapping[str, str]) -> Iterator[str]:
    """Its value, or nothing where that is an optional key that is not there."""
    if "valueFrom" not in variable:
        yield str(variable.get("value", ""))
        return
    ((kind, reference),) = variable["valueFrom"].items()
    if kind == "fieldRef":
        yield fields[reference["fieldPath"]]
        return
    held = _held(manifests, namespace, _KINDS[kind], reference)
    if reference["key"] in held:
        yield held[reference["key"]].decode()
    elif not reference.get("optional", False):
        raise NotRunnable(f"{_KINDS[kind]} {reference['name']} has no key {reference['key']}")


def _held(manifests: Manifests, namespace: str, kind: str, reference: Object) -> dict[str, bytes]:
    if reference.get("optional", False):
        found = manifests.find(kind, reference["name"], namespace)
        return contents(found) if found else {}
    return contents(manifests.require(kind, reference["name"], namespace))
