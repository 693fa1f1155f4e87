"""MCP clients that are pages of another origin: what their browsers must be told first (Fetch, CORS protocol)."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_gateway.proxy.mcp_proxy import METHODS
from mcp_gateway.proxy.origins import OriginPolicy

# What such a client needs of an answer, besides what every script may read.
_READABLE = ["www-authenticate", "mcp-session-id", "mcp-protocol-version", "retry-after", "x-request-id"]


class CrossOriginCalls:
    """ASGI middleware: pages of the allowed origins may read what MCP servers, and refusals of calls, answer.

    Args:
        app: Refuses the calls of all other pages.
        paths: Of the MCP servers. Elsewhere there are endpoints that believe cookies.
        origins: Whose pages may call.
    """

    def __init__(self, app: ASGIApp, *, paths: Collection[str], origins: OriginPolicy) -> None:
        self.app = app
        self.paths = frozenset(paths)
        self.origins = origins
        # Every origin that gets as far as this may call. Any header may be asked for: what does not pass to the MCP
        # server is left behind later. Without credentials, for a token is no cookie.
        self.shared = CORSMiddleware(
            app, allow_origin_regex=".*", allow_methods=METHODS, allow_headers=["*"], expose_headers=_READABLE
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.shared if self._is_shared(scope) else self.app)(scope, receive, send)

    def _is_shared(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["path"] not in self.paths:
            return False
        origin = Headers(scope=scope).get("origin")
        return origin is not None and self.origins.allows(origin)
