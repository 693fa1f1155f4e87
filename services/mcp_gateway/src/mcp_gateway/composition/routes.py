"""Which path leads where, and what stands around it."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from authproxy_common.http.assembly import Endpoint, page_route
from authproxy_common.http.rate_limit import limited_by_address
from authproxy_common.records.rate_limits import RateLimit
from mcp_gateway.endpoints.account import CONSENTS, AccountEndpoints
from mcp_gateway.endpoints.authorization import AuthorizationEndpoints
from mcp_gateway.endpoints.metadata import JWKS_PATH, MetadataEndpoints, well_known_paths

AUTHORIZE, CONSENT, CALLBACK = "/oauth/authorize", "/oauth/consent", "/oauth/callback"
# Where clients of MCP 2025-03-26 look that found no metadata.
OLD_AUTHORIZE = "/authorize"
PAGES = (AUTHORIZE, OLD_AUTHORIZE, CONSENT, CALLBACK, CONSENTS)

_CORS_HEADERS = ["authorization", "content-type", "mcp-protocol-version"]
_CORS = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["POST"], allow_headers=_CORS_HEADERS)


def browser_routes(
    endpoints: AuthorizationEndpoints, account: AccountEndpoints, limit: RateLimit | None
) -> list[Route]:
    """Where people are sent."""
    authorize = _limited(endpoints.authorize, limit)
    return [
        page_route(AUTHORIZE, authorize),
        page_route(OLD_AUTHORIZE, authorize),
        Route(CONSENT, endpoints.consent, methods=["POST"]),
        page_route(CALLBACK, endpoints.callback),
        page_route(CONSENTS, account.show),
        Route(CONSENTS, account.withdraw, methods=["POST"]),
    ]


def client_routes(path: str, endpoint: Endpoint, limit: RateLimit | None) -> list[Route]:
    """Open to scripts of any page: these endpoints believe no cookie. Below `/` too, for clients of 2025-03-26."""
    answer = _limited(endpoint, limit)
    return [Route(each, answer, methods=["POST", "OPTIONS"], middleware=[_CORS]) for each in (f"/oauth{path}", path)]


def metadata_routes(metadata: MetadataEndpoints) -> list[Route]:
    """The well-known documents."""
    paths = well_known_paths()
    return [
        *(Route(path, metadata.authorization_server) for path in paths["authorization_server"]),
        *(Route(path, metadata.protected_resource) for path in paths["protected_resource"]),
        Route(JWKS_PATH, metadata.keys),
    ]


def _limited(endpoint: Endpoint, limit: RateLimit | None) -> Endpoint:
    return limited_by_address(endpoint, limit.spend) if limit else endpoint
