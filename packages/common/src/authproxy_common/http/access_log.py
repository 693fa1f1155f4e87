"""One log line and one count per request; the query is never part of either."""

import time
from collections.abc import Collection

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authproxy_common.http.metrics import Metrics

log = structlog.get_logger("access")

_QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})
_METHODS = frozenset({"GET", "POST", "DELETE", "OPTIONS", "HEAD", "PUT", "PATCH"})


class AccessLog:
    """ASGI middleware.

    Args:
        app: What is wrapped.
        metrics: Where requests are counted.
        routes: The known paths; any other is counted as `other`, or strangers could invent label values.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, routes: Collection[str]) -> None:
        self.app = app
        self.metrics = metrics
        self.routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        answered_after = 0.0

        async def send_noting_status(message: Message) -> None:
            nonlocal status, answered_after
            if message["type"] == "http.response.start":
                status, answered_after = message["status"], time.perf_counter() - began
            await send(message)

        try:
            await self.app(scope, receive, send_noting_status)
        finally:
            self._note(scope, status, answered_after, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, answered_after: float, ended_after: float) -> None:
        path = scope["path"]
        route = path if path in self.routes else "other"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.metrics.requests.labels(method, route, str(status)).inc()
        self.metrics.duration.labels(route).observe(answered_after)
        if path not in _QUIET:
            log.info("request", method=method, path=path[:200], status=status, duration_ms=round(ended_after * 1000, 1))
