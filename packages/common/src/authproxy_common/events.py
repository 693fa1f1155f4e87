"""Events: the steps of sign-ins and grants, each logged with its fields and counted by its name."""

from dataclasses import dataclass
from typing import Any

import structlog

from authproxy_common.http.metrics import Metrics

log = structlog.get_logger("events")


@dataclass(frozen=True, slots=True)
class Events:
    """Where flows say what happened.

    Args:
        metrics: Counts them.
    """

    metrics: Metrics

    def note(self, event: str, **fields: Any) -> None:
        """A step of the ordinary course."""
        self.metrics.events.labels(event).inc()
        log.info(event, **fields)

    def alarm(self, event: str, **fields: Any) -> None:
        """A step that an operator should look at: something that only an attack or a fault explains."""
        self.metrics.events.labels(event).inc()
        log.warning(event, audit=True, **fields)
