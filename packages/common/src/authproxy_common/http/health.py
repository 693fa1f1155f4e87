"""Liveness, which asks nobody, and readiness, which says who did not answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.http.metrics import Metrics


@dataclass(frozen=True, slots=True)
class HealthEndpoints:
    """`/health/live` and `/health/ready`.

    Args:
        checks: By the dependency's name, what returns when it answers and raises TemporarilyUnavailable otherwise.
        metrics: Told what readiness found.
    """

    checks: Mapping[str, Callable[[], Awaitable[None]]]
    metrics: Metrics

    async def live(self, _request: Request) -> Response:
        """200 while the process can answer at all."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """200, or 503 naming each dependency that does not answer."""
        outcomes = {name: await _outcome(check) for name, check in self.checks.items()}
        for name, outcome in outcomes.items():
            self.metrics.dependency_up.labels(name).set(outcome == "ok")
        ok = all(outcome == "ok" for outcome in outcomes.values())
        body = {"status": "ok" if ok else "unavailable", "checks": outcomes}
        return JSONResponse(body, 200 if ok else 503, headers={} if ok else {"Retry-After": "2"})


async def _outcome(check: Callable[[], Awaitable[None]]) -> str:
    try:
        await check()
    except TemporarilyUnavailable:
        return "unavailable"
    return "ok"
