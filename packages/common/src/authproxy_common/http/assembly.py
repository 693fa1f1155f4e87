"""How a service's layers are put around its routes; the order is the same everywhere, and readable in one place."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from authproxy_common.frozen import frozen
from authproxy_common.http.access_log import AccessLog
from authproxy_common.http.body_limit import BodyLimit, UnambiguousFraming
from authproxy_common.http.error_answers import ErrorAnswers
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.pages import Pages
from authproxy_common.http.request_id import RequestId
from authproxy_common.http.security_headers import SecurityHeaders

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


@frozen
class Surroundings:
    """What is the same around every service's own routes.

    Args:
        health, metrics: The operator's endpoints.
        pages: Renders error pages.
        https: Whether the public URL is https.
        body_limit: Longest request body, in bytes.
        management_port: Where nothing but the operator's endpoints answers; 0 for nowhere.
        public_metrics: Whether `/metrics` answers at the service's own port too.
    """

    health: HealthEndpoints
    metrics: Metrics
    pages: Pages
    https: bool
    body_limit: int
    management_port: int
    public_metrics: bool = True


def health_routes(around: Surroundings) -> list[BaseRoute]:
    """`/health/live` and `/health/ready`."""
    return [Route("/health/live", around.health.live), Route("/health/ready", around.health.ready)]


def metrics_routes(around: Surroundings) -> list[BaseRoute]:
    """`/metrics`."""
    return [Route("/metrics", around.metrics.expose)]


def starlette_app(
    routes: Sequence[BaseRoute], page_paths: Iterable[str], around: Surroundings, lifespan: Lifespan[Starlette]
) -> Starlette:
    """The routed part of a service, with errors rendered."""
    errors = ErrorAnswers(around.pages, frozenset(page_paths), around.metrics)
    of_operator = [*health_routes(around), *(metrics_routes(around) if around.public_metrics else ())]
    app = Starlette(routes=[*routes, *of_operator], exception_handlers=dict(errors.handlers()), lifespan=lifespan)
    # It would make the Location from the request's Host, and from the scheme behind the ingress.
    app.router.redirect_slashes = False
    return app


def page_route(path: str, endpoint: Endpoint) -> Route:
    """A route for GET alone: HEAD, which link scanners send, must not use up what can be used once."""
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route


def layered(app: ASGIApp, known_paths: Iterable[str], around: Surroundings) -> ASGIApp:
    """`app` within every layer, outermost last."""
    app = BodyLimit(app, limit=around.body_limit)
    if around.management_port:
        operator = Starlette(routes=[*health_routes(around), *metrics_routes(around)])
        app = _ManagementPort(app, operator, around.management_port)
    app = UnambiguousFraming(app)
    app = AccessLog(app, metrics=around.metrics, routes={*known_paths, "/health/live", "/health/ready", "/metrics"})
    app = SecurityHeaders(app, https=around.https)
    return RequestId(app)


class Closable(Protocol):
    """Something that the process opened and the app closes."""

    async def aclose(self) -> None:
        """Close it."""
        ...


def closing(*resources: Closable) -> Lifespan[Starlette]:
    """A lifespan at whose end all of `resources` are closed, whatever becomes of one of them."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for resource in resources:
                stack.push_async_callback(resource.aclose)
            yield

    return lifespan


class _ManagementPort:
    """Serves the operator's endpoints, and nothing else, to what arrives at the management port."""

    def __init__(self, app: ASGIApp, operator: ASGIApp, port: int) -> None:
        self.app, self.operator, self.port = app, operator, port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived_there = scope["type"] == "http" and (scope.get("server") or ("", None))[1] == self.port
        await (self.operator if arrived_there else self.app)(scope, receive, send)
