"""The composition root: what is built of what, and which path leads where."""

from collections.abc import Mapping
from datetime import timedelta

from starlette.routing import Route
from starlette.types import ASGIApp

from auth_server.composition.gateways import allowed_uris, build_authentication, build_gateways
from auth_server.composition.resources import Resources
from auth_server.composition.routes import SignInRoutes, closed_routes, page_paths
from auth_server.domain.sign_ins import GatewayCode, PostedAnswer, SignInAttempt
from auth_server.endpoints.backend import BackendEndpoints
from auth_server.endpoints.callers import Callers
from auth_server.endpoints.provider_choice import ProviderChoiceEndpoints
from auth_server.endpoints.sign_in import SignInEndpoints
from auth_server.flows.exchange import ExchangeFlow
from auth_server.flows.ports import IdentityProvider
from auth_server.flows.refresh import RefreshFlow
from auth_server.flows.revocation import RevocationFlow
from auth_server.flows.sign_in import SignInFlow
from auth_server.flows.token_exchange import TokenExchangeFlow
from auth_server.flows.validation import ValidationFlow
from auth_server.providers.kinds import provider_of
from auth_server.settings import BODY_LIMIT, AuthServerSettings
from authproxy_common.events import Events
from authproxy_common.exchange import PROVIDER_NAME, SignIn
from authproxy_common.http.assembly import Surroundings, closing, layered, starlette_app
from authproxy_common.http.browser import BrowserCookie
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.pages import Pages
from authproxy_common.recent_answers import RecentAnswers
from authproxy_common.records import Collection

__all__ = ["Resources", "create_app"]

# A gateway asks again at another replica when it gives up on the one that was killed while it asked.
_RENEWED_KEPT_FOR = timedelta(minutes=1)
# A browser follows a redirect at once.
_POSTED_KEPT_FOR = timedelta(minutes=1)
_CHOICE_KEPT_FOR = timedelta(days=30)


def create_app(settings: AuthServerSettings, resources: Resources) -> ASGIApp:
    """The auth server; it closes `resources` in its lifespan."""
    metrics, pages = Metrics(), Pages("auth_server", "Auth server")
    around = Surroundings(
        health=HealthEndpoints({"redis": resources.store.ping}, metrics),
        metrics=metrics,
        pages=pages,
        https=settings.public_url.startswith("https://"),
        body_limit=BODY_LIMIT,
        management_port=settings.management_port,
        public_metrics=settings.public_metrics,
    )
    providers = list(settings.providers)
    routes = _sign_in_routes(settings, resources, around) if settings.offers_sign_in else closed_routes(providers)
    lifespan = closing(resources.http, resources.counters, resources.store)
    app = starlette_app(routes, page_paths(providers), around, lifespan)
    return layered(app, [route.path for route in routes], around)


def _sign_in_routes(settings: AuthServerSettings, resources: Resources, around: Surroundings) -> list[Route]:
    events = Events(around.metrics)
    codes = Collection(
        resources.store, "auth-server:gateway-code", GatewayCode, settings.gateway_code_ttl, resources.keys
    )
    providers = _providers(settings, resources)
    routes = SignInRoutes(settings.security, resources.counters)
    browser = BrowserCookie("auth_server_browser", around.https, timedelta(days=1))
    choice = BrowserCookie("auth_server_provider", around.https, _CHOICE_KEPT_FOR, PROVIDER_NAME)
    sign_in = SignInEndpoints(
        _sign_in_flow(settings, resources, providers, codes, events), browser, choice, around.pages
    )
    return [
        *routes.of_browsers(
            sign_in, ProviderChoiceEndpoints(choice, settings.providers, around.pages), settings.providers
        ),
        *routes.of_backends(_backend(settings, resources, providers, codes, events)),
    ]


def _sign_in_flow(
    settings: AuthServerSettings,
    resources: Resources,
    providers: Mapping[str, IdentityProvider],
    codes: Collection[GatewayCode],
    events: Events,
) -> SignInFlow:
    attempts = Collection(
        resources.store, "auth-server:sign-in-attempt", SignInAttempt, settings.sign_in_ttl, resources.keys
    )
    posted = Collection(resources.store, "auth-server:posted-answer", PostedAnswer, _POSTED_KEPT_FOR, resources.keys)
    require_pkce = settings.proxy_oauth.require_pkce
    return SignInFlow(providers, allowed_uris(settings), attempts, posted, codes, require_pkce, events)


def _backend(
    settings: AuthServerSettings,
    resources: Resources,
    providers: Mapping[str, IdentityProvider],
    codes: Collection[GatewayCode],
    events: Events,
) -> BackendEndpoints:
    gateways = build_gateways(settings)
    authentication = build_authentication(settings, gateways, resources, events)
    limit = resources.counters.limit("gateway", settings.security.rate_limit.gateway)
    renewed = Collection(resources.store, "auth-server:renewed", SignIn, _RENEWED_KEPT_FOR, resources.keys)
    return BackendEndpoints(
        Callers(authentication, limit.spend if limit else None),
        ExchangeFlow(codes, gateways, events),
        RefreshFlow(providers, renewed, events),
        TokenExchangeFlow(providers, events),
        RevocationFlow(providers, events),
        ValidationFlow(providers, RecentAnswers(settings.validation_kept, resources.now), events),
    )


def _providers(settings: AuthServerSettings, resources: Resources) -> Mapping[str, IdentityProvider]:
    return {
        name: provider_of(name, provider, resources.http, resources.now)
        for name, provider in settings.providers.items()
    }
