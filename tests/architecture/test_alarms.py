"""Every alarm that the code can raise is counted from the start, or Prometheus would not see the first one rise."""

import ast
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from authproxy_common.events import ALARMS, Events
from authproxy_common.http.metrics import Metrics
from tests.architecture.sources import modules

pytestmark = pytest.mark.requirement("OP-03")


def raised() -> Iterator[str]:
    """The names given to `alarm`, and to `noted`, which alarms for what is no ordinary end."""
    for module in modules():
        for call in (node for node in ast.walk(module.tree) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "alarm":
                yield str(ast.literal_eval(call.args[0]))
            elif isinstance(call.func, ast.Name) and call.func.id == "noted":
                yield str(ast.literal_eval(call.args[1]))


def counted(registry: CollectorRegistry) -> dict[str, float]:
    samples = (sample for family in registry.collect() for sample in family.samples)
    return {sample.labels["event"]: sample.value for sample in samples if sample.name == "authproxy_events_total"}


def test_the_alarms_are_those_that_the_code_raises() -> None:
    assert set(raised()) == set(ALARMS)


def test_each_is_counted_before_it_is_raised() -> None:
    metrics = Metrics()
    Events(metrics)
    assert counted(metrics.registry) == dict.fromkeys(ALARMS, 0.0)
