"""Metrics in the Prometheus text format."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

# Counted from 0 on, as the alarms of `events` are.
_DEPENDENCIES = ("redis", "identity provider", "auth server", "upstream")


class Metrics:
    """The counters of one service, in a registry of their own so that two apps can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "authproxy_requests_total", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.duration = Histogram(
            "authproxy_request_duration_seconds", "Until the answer began.", ["route"], registry=self.registry
        )
        self.dependency_failures = Counter(
            "authproxy_dependency_failures_total",
            "Answers that failed because something we depend on did.",
            ["dependency"],
            registry=self.registry,
        )
        for dependency in _DEPENDENCIES:
            self.dependency_failures.labels(dependency)
        self.dependency_up = Gauge(
            "authproxy_dependency_up",
            "Whether it answered when readiness was asked last.",
            ["dependency"],
            registry=self.registry,
        )
        self.events = Counter(
            "authproxy_events_total", "Steps of sign-ins and grants, by outcome.", ["event"], registry=self.registry
        )

    async def expose(self, _request: Request) -> Response:
        """`GET /metrics`."""
        return Response(generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
