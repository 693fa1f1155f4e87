"""What no schema and no general policy knows: whether manifests fit together, and keep this project's promises.

A rule is a function over a rendered overlay that yields what is wrong. Its name begins with the point of
docs/deployment-checklist.md that it checks.

    overlay      the objects, and the ways into them that rules share
    custom       3: fields of custom resources
    references   5: names, ports and selectors lead somewhere
    identity     6, 14-16: who a pod is and what it may do
    secrets      7, 8
    settings     9, 10: ConfigMaps, and one host name
    routes       11-13
    lifecycle    17-19: probes, stopping, rollouts
    capacity     20-23: resources, replicas, disruptions, spread
    traffic      24: who may talk to whom
    images       25, 26: what runs, and how Redis does
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

from tests.deploy.lint import (
    capacity,
    custom,
    identity,
    images,
    lifecycle,
    references,
    routes,
    secrets,
    settings,
    traffic,
)
from tests.deploy.lint.overlay import Overlay

__all__ = ["RULES", "Finding", "Overlay", "findings"]

Rule = Callable[[Overlay], Iterator[str]]


@dataclass(frozen=True)
class Finding:
    """One thing to mend.

    Args:
        rule: The name of the rule's function.
        message: Which object, and what is wrong with it.
    """

    rule: str
    message: str


def _rules(module: ModuleType) -> list[Rule]:
    return [value for name, value in vars(module).items() if name.startswith("point_")]


_MODULES = (custom, references, identity, secrets, settings, routes, lifecycle, capacity, traffic, images)
RULES: dict[str, Rule] = {rule.__name__: rule for module in _MODULES for rule in _rules(module)}


def findings(overlay: Overlay) -> list[Finding]:
    """Everything that any rule finds."""
    return [Finding(name, message) for name, rule in RULES.items() for message in rule(overlay)]
