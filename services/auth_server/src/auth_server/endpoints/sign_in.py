"""`GET /login`, and `GET` and `POST /callback`, where browsers are sent."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth_server.domain.callbacks import named_in
from auth_server.domain.sign_ins import POSTED, LoginRequest
from auth_server.flows.sign_in import SignInFlow
from authproxy_common.http.body import form_params, query_params
from authproxy_common.http.browser import BrowserCookie
from authproxy_common.http.pages import Pages
from authproxy_common.secret import digest


@dataclass(frozen=True, slots=True)
class SignInEndpoints:
    """The browser's side of a sign-in."""

    flow: SignInFlow
    browser: BrowserCookie
    pages: Pages

    async def login(self, request: Request) -> Response:
        """302 to the provider, or a page to choose one."""
        asked = LoginRequest.from_params(query_params(request))
        if names := self.flow.unchosen(asked):
            links = {name: str(request.url.include_query_params(provider=name).query) for name in names}
            return self.pages.render("choose_provider.html", links=links)
        browser = self.browser.read_or_mint(request)
        response = RedirectResponse(await self.flow.begin(asked, digest(browser)), 302)
        self.browser.set(response, browser)
        return response

    async def callback(self, request: Request) -> Response:
        """302 to the gateway."""
        arrived_for = named_in(request.url.path)
        url = await self.flow.complete(query_params(request), self.browser.digest_of(request), arrived_for)
        return RedirectResponse(url, 302)

    async def posted(self, request: Request) -> Response:
        """303 to the same place, with a handle of the answer: a form from elsewhere comes without our cookie."""
        handle = await self.flow.keep(await form_params(request))
        return RedirectResponse(f"?{POSTED}={handle}", 303)
