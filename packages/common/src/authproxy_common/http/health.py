"""Liveness, which asks nobody, and readiness, which says who did not answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authproxy_common.clock import Clock, utc_now
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.frozen import frozen
from authproxy_common.http.metrics import Metrics

# Whoever can reach the endpoint may ask as often as they like, and a dependency that is down is asked with patience.
_KEPT = timedelta(seconds=1)


@dataclass(slots=True)
class _Found:
    """What was found last."""

    outcomes: Mapping[str, str] = field(default_factory=dict)
    at: datetime = datetime.min.replace(tzinfo=UTC)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_recent(self, now: datetime) -> bool:
        # The first half is for a clock that was set back.
        return self.at <= now < self.at + _KEPT


@frozen
class HealthEndpoints:
    """`/health/live` and `/health/ready`.

    Args:
        checks: By the dependency's name, what returns when it answers and raises TemporarilyUnavailable otherwise.
        metrics: Told what readiness found.
        now: The clock.
    """

    checks: Mapping[str, Callable[[], Awaitable[None]]]
    metrics: Metrics
    now: Clock = utc_now
    _found: _Found = field(default_factory=_Found)

    async def live(self, _request: Request) -> Response:
        """200 while the process can answer at all."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """200, or 503 naming each dependency that does not answer; found a second ago at most, and for all who ask."""
        outcomes = await self._outcomes()
        ok = all(outcome == "ok" for outcome in outcomes.values())
        body = {"status": "ok" if ok else "unavailable", "checks": outcomes}
        return JSONResponse(body, 200 if ok else 503, headers={} if ok else {"Retry-After": "2"})

    async def _outcomes(self) -> Mapping[str, str]:
        async with self._found.asking:
            if not self._found.is_recent(self.now()):
                self._found.outcomes = {name: await _outcome(check) for name, check in self.checks.items()}
                self._found.at = self.now()
                for name, outcome in self._found.outcomes.items():
                    self.metrics.dependency_up.labels(name).set(outcome == "ok")
            return self._found.outcomes


async def _outcome(check: Callable[[], Awaitable[None]]) -> str:
    try:
        await check()
    except TemporarilyUnavailable:
        return "unavailable"
    return "ok"
