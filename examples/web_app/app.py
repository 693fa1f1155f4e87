"""The web app: it wants to know who its users are, and nothing else.

Its session is a cookie, signed: its own browser may read it, nobody may change it, and it is good until it expires. So
it holds who somebody is and no token. An app that needs the provider's tokens keeps `SignIn.to_json()` on its own side.
"""

from dataclasses import dataclass
from html import escape

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from authproxy_common.errors import OAuthError
from authproxy_common.gateway_sign_in import GatewaySignIn, PendingSignIn

_SIGN_IN = '<a href="/login">Sign in</a>'
_SIGN_OUT = '<form method="post" action="/logout"><button>Sign out</button></form>'
_POLICY = "default-src 'none'; form-action 'self'; frame-ancestors 'none'"
_EIGHT_HOURS = 8 * 60 * 60


@dataclass(frozen=True, slots=True)
class WebApp:
    """Its four pages, one of which anybody sees."""

    sign_in: GatewaySignIn

    async def home(self, request: Request) -> Response:
        person = request.session.get("person")
        return page(f"Signed in as {escape(person)}", _SIGN_OUT) if person else page("Nobody is signed in", _SIGN_IN)

    async def login(self, request: Request) -> Response:
        url, pending = self.sign_in.begin()
        request.session["sign_in"] = pending.to_json()
        return RedirectResponse(url, 302)

    async def callback(self, request: Request) -> Response:
        pending = PendingSignIn.from_json(request.session.pop("sign_in", None))
        signed_in = await self.sign_in.complete(pending, request.url.query)
        request.session["person"] = signed_in.person.subject
        return RedirectResponse("/", 303)

    async def logout(self, request: Request) -> Response:
        request.session.clear()
        return RedirectResponse("/", 303)


async def not_signed_in(_request: Request, error: Exception) -> Response:
    """Whatever went wrong, in words that are meant to be read."""
    assert isinstance(error, OAuthError)  # noqa: S101  # it is registered for these alone
    return page(f"Not signed in: {escape(error.description)}", _SIGN_IN, error.status)


def page(says: str, offers: str, status: int = 200) -> Response:
    """A page that nobody keeps and nobody frames."""
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY}
    html = f'<!doctype html><html lang="en"><title>Example app</title><h1>{says}</h1>{offers}</html>'
    return HTMLResponse(html, status, headers)


def create_app(sign_in: GatewaySignIn, session_key: str) -> Starlette:
    """The app, whose `gateway_uri` is its own `/callback`."""
    app, https = WebApp(sign_in), sign_in.gateway_uri.startswith("https://")
    session = Middleware(
        SessionMiddleware,
        secret_key=session_key,
        session_cookie="__Host-example_web_app" if https else "example_web_app",
        max_age=_EIGHT_HOURS,
        same_site="lax",  # comes along when the browser is sent back, and with no form of another site
        https_only=https,
    )
    routes = [
        Route("/", app.home),
        Route("/login", app.login),
        Route("/callback", app.callback),
        Route("/logout", app.logout, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[session], exception_handlers={OAuthError: not_signed_in})
