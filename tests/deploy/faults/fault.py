"""A mistake in a rendered overlay, as people make them, and the one rule of the lint that has to find it."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.deploy.lint import Overlay
from tests.deploy.lint.overlay import Object

REMOVED = object()


@dataclass(frozen=True)
class Fault:
    """One mistake.

    Args:
        name: What happened.
        rule: Which finds it.
        where: Kind and name of the object; a generated name may leave out its hash.
        path: To the place in it, words apart.
        value: What stands there then, or REMOVED, or a function of what stood there.
        overlay: In which it is seeded.
    """

    name: str
    rule: str
    where: str
    path: str
    value: Any
    overlay: str = "staging"

    def seed(self, overlay: Overlay) -> None:
        """Make the mistake in `overlay`."""
        kind, _, name = self.where.partition(" ")
        found = [each for each in overlay.of_kind(kind) if _is_named(each, name)]
        assert len(found) == 1, f"{self.where} is {len(found)} objects"
        *steps, last = [int(step) if step.isdigit() else step for step in self.path.split()]
        node: Any = found[0]
        for step in steps:
            node = node[step]
        if self.value is REMOVED:
            del node[last]
        elif callable(self.value):
            node[last] = self.value(node[last])
        else:
            node[last] = deepcopy(self.value)


@dataclass(frozen=True)
class Whole:
    """A mistake that is a whole object: one too many, or one that is missing."""

    name: str
    rule: str
    change: Callable[[list[Object]], None]
    overlay: str = "staging"

    def seed(self, overlay: Overlay) -> None:
        """Make the mistake in `overlay`."""
        self.change(overlay.objects)


Faults: TypeAlias = list[Fault | Whole]


def _is_named(manifest: Object, name: str) -> bool:
    full = str(manifest["metadata"]["name"])
    hashed = manifest["kind"] in {"ConfigMap", "Secret"} and full.rpartition("-")[0] == name
    return full == name or hashed


def without(kind: str, name: str) -> Callable[[list[Object]], None]:
    """Takes the object away."""

    def change(objects: list[Object]) -> None:
        [found] = [each for each in objects if each["kind"] == kind and _is_named(each, name)]
        objects.remove(found)

    return change


def with_one_more(kind: str, name: str, **members: Any) -> Callable[[list[Object]], None]:
    """Adds an object."""
    manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "authproxy"}, **members}
    return lambda objects: objects.append(manifest)


def without_hash(name: str) -> Callable[[list[Object]], None]:
    """Gives a ConfigMap its bare name, wherever it is named."""

    def change(objects: list[Object]) -> None:
        [found] = [each for each in objects if each["kind"] == "ConfigMap" and _is_named(each, name)]
        renamed = json.loads(json.dumps(objects).replace(str(found["metadata"]["name"]), name))
        objects[:] = renamed

    return change
