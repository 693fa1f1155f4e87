"""Which path leads where, and what stands around it."""

from collections.abc import Iterable, Mapping, Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from auth_server.endpoints.backend import BackendEndpoints
from auth_server.endpoints.closed import closed
from auth_server.endpoints.provider_choice import ProviderChoiceEndpoints
from auth_server.endpoints.sign_in import SignInEndpoints
from auth_server.settings.gateways import SecuritySettings
from authproxy_common.frozen import frozen
from authproxy_common.http.assembly import Endpoint, page_route
from authproxy_common.http.rate_limit import limited_by_address
from authproxy_common.records.rate_limits import RateCounters

PREFIX = "/gateway-oauth"
LOGIN, _CHOICE, CALLBACK = "/login", "/login/choice", "/callback"
_EXCHANGE, _REFRESH, _REVOKE, _VALIDATE, _USER_INFO = "/exchange", "/refresh", "/revoke", "/validate", "/userinfo"
_TOKEN_EXCHANGE = "/token-exchange"  # noqa: S105  # a path
_BACKEND = (_EXCHANGE, _REFRESH, _TOKEN_EXCHANGE, _REVOKE, _VALIDATE, _USER_INFO)
# By these names older gateways call the same things, with the prefix and without.
_OLDER = {_REFRESH: "/refresh_token", _VALIDATE: "/is_token_valid", _USER_INFO: "/user_info"}


def page_paths(providers: Iterable[str]) -> list[str]:
    """Where browsers are sent."""
    return _with_prefix([LOGIN, _CHOICE, *_callbacks(providers)])


def closed_routes(providers: Iterable[str]) -> list[Route]:
    """Every path of the sign-in, switched off."""
    backend = [path for name in _BACKEND for path in _backend_paths(name)]
    return [Route(path, closed, methods=["GET", "POST"]) for path in [*page_paths(providers), *backend]]


@frozen
class SignInRoutes:
    """The routes of a sign-in.

    Args:
        security: Limits, and who may call from scripts.
        counters: Where limits count.
    """

    security: SecuritySettings
    counters: RateCounters

    def of_browsers(
        self, sign_in: SignInEndpoints, choice: ProviderChoiceEndpoints, providers: Iterable[str]
    ) -> list[Route]:
        """Where people are sent."""
        rates = self.security.rate_limit
        login = self._limited(sign_in.login, "login", rates.login)
        callback = self._limited(sign_in.callback, "callback", rates.callback)
        posted = self._limited(sign_in.posted, "callback", rates.callback)
        return [
            *(page_route(path, login) for path in _with_prefix([LOGIN])),
            *(page_route(path, choice.show) for path in _with_prefix([_CHOICE])),
            *(Route(path, choice.forget, methods=["POST"]) for path in _with_prefix([_CHOICE])),
            *(page_route(path, callback) for path in _with_prefix(_callbacks(providers))),
            *(Route(path, posted, methods=["POST"]) for path in _with_prefix(_callbacks(providers))),
        ]

    def of_backends(self, backend: BackendEndpoints) -> list[Route]:
        """What gateways' backends call."""
        offered: Mapping[str, tuple[Endpoint, list[str]]] = {
            _EXCHANGE: (backend.exchange, ["POST"]),
            _REFRESH: (backend.refresh, ["POST"]),
            _TOKEN_EXCHANGE: (backend.exchange_token, ["POST"]),
            _REVOKE: (backend.revoke, ["POST"]),
            _VALIDATE: (backend.validate, ["POST"]),
            _USER_INFO: (backend.user_info, ["GET", "POST"]),
        }
        return [
            self._backend_route(path, endpoint, methods)
            for name, (endpoint, methods) in offered.items()
            for path in _backend_paths(name)
        ]

    def _backend_route(self, path: str, endpoint: Endpoint, methods: Sequence[str]) -> Route:
        answer = self._limited(endpoint, "backend", self.security.rate_limit.backend)
        origins = self.security.cors.allowed_origins
        if not origins:
            return Route(path, answer, methods=list(methods))
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=list(methods),
            allow_headers=["authorization", "content-type"],
        )
        return Route(path, answer, methods=[*methods, "OPTIONS"], middleware=[cors])

    def _limited(self, endpoint: Endpoint, name: str, rate: str) -> Endpoint:
        limit = self.counters.limit(name, rate)
        return limited_by_address(endpoint, limit.spend) if limit else endpoint


def _callbacks(providers: Iterable[str]) -> list[str]:
    return [CALLBACK, *(f"{CALLBACK}/{name}" for name in providers)]


def _with_prefix(paths: list[str]) -> list[str]:
    """Every path also answers below the prefix, so that one ingress rule is enough."""
    return [*paths, *(PREFIX + path for path in paths)]


def _backend_paths(name: str) -> list[str]:
    return [PREFIX + name, *(_with_prefix([_OLDER[name]]) if name in _OLDER else [])]
