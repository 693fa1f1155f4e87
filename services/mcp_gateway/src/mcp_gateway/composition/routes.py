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
    return [_open_to_scripts(each, answer, "POST") for each in (f"/oauth{path}", path)]


def metadata_routes(metadata: MetadataEndpoints) -> list[Route]:
    """The well-known documents. Scripts send `MCP-Protocol-Version` with their question, so browsers ask first."""
    paths = well_known_paths()
    documents = {
        **dict.fromkeys(paths["authorization_server"], metadata.authorization_server),
        **dict.fromkeys(paths["protected_resource"], metadata.protected_resource),
        JWKS_PATH: metadata.keys,
    }
    return [_open_to_scripts(path, answer, "GET") for path, answer in documents.items()]


def _open_to_scripts(path: str, endpoint: Endpoint, method: str) -> Route:
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=[method], allow_headers=_CORS_HEADERS)
    return Route(path, endpoint, methods=[method, "OPTIONS"], middleware=[cors])


def _limited(endpoint: Endpoint, limit: RateLimit | None) -> Endpoint:
    return limited_by_address(endpoint, limit.spend) if limit else endpoint
