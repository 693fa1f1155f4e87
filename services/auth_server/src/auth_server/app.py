"""The composition root: what is built of what, and which path leads where."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx
from starlette.routing import Route
from starlette.types import ASGIApp

from auth_server.domain.gateway_uris import GatewayURIs
from auth_server.domain.sign_ins import GatewayCode, PostedAnswer, SignInAttempt
from auth_server.endpoints.backend import BackendEndpoints
from auth_server.endpoints.closed import closed
from auth_server.endpoints.sign_in import SignInEndpoints
from auth_server.flows.exchange import ExchangeFlow
from auth_server.flows.ports import IdentityProvider
from auth_server.flows.refresh import RefreshFlow
from auth_server.flows.revocation import RevocationFlow
from auth_server.flows.sign_in import SignInFlow
from auth_server.flows.validation import ValidationFlow
from auth_server.providers.kinds import provider_of
from auth_server.settings import BODY_LIMIT, AuthServerSettings
from authproxy_common.clock import Clock
from authproxy_common.events import Events
from authproxy_common.exchange import SignIn
from authproxy_common.http.assembly import Surroundings, closing, layered, page_route, starlette_app
from authproxy_common.http.browser import BrowserCookie
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.pages import Pages
from authproxy_common.recent_answers import RecentAnswers
from authproxy_common.records import Collection, SealingKeys, Store

PREFIX = "/gateway-oauth"
LOGIN, CALLBACK = "/login", "/callback"
BACKEND_PATHS = ("/exchange", "/refresh", "/revoke", "/validate", "/userinfo")

# A gateway asks again at another replica when it gives up on the one that was killed while it asked.
_RENEWED_KEPT_FOR = timedelta(minutes=1)
# A browser follows a redirect at once.
_POSTED_KEPT_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Resources:
    """What the process opened and the app closes.

    Args:
        store: Shared between replicas.
        keys: Seals records.
        http: Towards providers.
        now: The clock.
    """

    store: Store
    keys: SealingKeys
    http: httpx.AsyncClient
    now: Clock


def create_app(settings: AuthServerSettings, resources: Resources) -> ASGIApp:
    """The auth server; it closes `resources` in its lifespan."""
    metrics, pages = Metrics(), Pages("auth_server", "Auth server")
    around = Surroundings(
        health=HealthEndpoints({"redis": resources.store.ping}),
        metrics=metrics,
        pages=pages,
        https=settings.public_url.startswith("https://"),
        body_limit=BODY_LIMIT,
        management_port=settings.management_port,
    )
    pages_at = _with_prefix([LOGIN, *_callbacks(settings)])
    routes = _sign_in_routes(settings, resources, around) if settings.offers_sign_in else _closed_routes(pages_at)
    app = starlette_app(routes, pages_at, around, closing(resources.http, resources.store))
    return layered(app, [route.path for route in routes], around)


def _sign_in_routes(settings: AuthServerSettings, resources: Resources, around: Surroundings) -> list[Route]:
    events, proxy = Events(around.metrics), settings.proxy_oauth
    attempts = Collection(
        resources.store, "auth-server:sign-in-attempt", SignInAttempt, settings.sign_in_ttl, resources.keys
    )
    codes = Collection(
        resources.store, "auth-server:gateway-code", GatewayCode, settings.gateway_code_ttl, resources.keys
    )
    posted = Collection(resources.store, "auth-server:posted-answer", PostedAnswer, _POSTED_KEPT_FOR, resources.keys)
    renewed = Collection(resources.store, "auth-server:renewed", SignIn, _RENEWED_KEPT_FOR, resources.keys)
    providers = _providers(settings, resources)
    gateway_uris = GatewayURIs.from_entries(proxy.allowed_redirect_uris, strict=proxy.strict_uri_validation)
    sign_in = SignInEndpoints(
        SignInFlow(providers, gateway_uris, attempts, posted, codes, proxy.require_pkce, events),
        BrowserCookie("auth_server_browser", around.https, timedelta(days=1)),
        around.pages,
    )
    backend = BackendEndpoints(
        ExchangeFlow(codes, events),
        RefreshFlow(providers, renewed, events),
        RevocationFlow(providers, events),
        ValidationFlow(providers, RecentAnswers(settings.validation_kept, resources.now), events),
    )
    return [
        *(page_route(path, sign_in.login) for path in _with_prefix([LOGIN])),
        *(page_route(path, sign_in.callback) for path in _with_prefix(_callbacks(settings))),
        *(Route(path, sign_in.posted, methods=["POST"]) for path in _with_prefix(_callbacks(settings))),
        Route(f"{PREFIX}/exchange", backend.exchange, methods=["POST"]),
        Route(f"{PREFIX}/refresh", backend.refresh, methods=["POST"]),
        Route(f"{PREFIX}/revoke", backend.revoke, methods=["POST"]),
        Route(f"{PREFIX}/validate", backend.validate, methods=["POST"]),
        Route(f"{PREFIX}/userinfo", backend.user_info, methods=["GET"]),
    ]


def _callbacks(settings: AuthServerSettings) -> list[str]:
    return [CALLBACK, *(f"{CALLBACK}/{name}" for name in settings.providers)]


def _with_prefix(paths: list[str]) -> list[str]:
    """Every path also answers below the prefix, so that one ingress rule is enough."""
    return [*paths, *(PREFIX + path for path in paths)]


def _closed_routes(pages_at: list[str]) -> list[Route]:
    everything = [*pages_at, *(PREFIX + path for path in BACKEND_PATHS)]
    return [Route(path, closed, methods=["GET", "POST"]) for path in everything]


def _providers(settings: AuthServerSettings, resources: Resources) -> Mapping[str, IdentityProvider]:
    return {
        name: provider_of(name, provider, resources.http, resources.now)
        for name, provider in settings.providers.items()
    }
