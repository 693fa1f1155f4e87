"""`GET /login`, and `GET` and `POST /callback`, where browsers are sent."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth_server.domain.callbacks import named_in
from auth_server.domain.sign_ins import POSTED, LoginRequest
from auth_server.flows.sign_in import SignInFlow
from authproxy_common.frozen import frozen
from authproxy_common.http.body import form_params, query_params
from authproxy_common.http.browser import BrowserCookie, is_same_site
from authproxy_common.http.pages import Pages
from authproxy_common.secret import digest
from authproxy_common.uri import parse_http_uri

_REMEMBER = "remember"


@frozen
class SignInEndpoints:
    """The browser's side of a sign-in.

    Args:
        flow: The conversation.
        browser: The cookie that ties the callback to the login.
        choice: The cookie that remembers which provider a person chose: a preference, and believed as little.
        pages: Renders the choice.
    """

    flow: SignInFlow
    browser: BrowserCookie
    choice: BrowserCookie
    pages: Pages

    async def login(self, request: Request) -> Response:
        """302 to the provider, or a page to choose one."""
        asked = LoginRequest.from_params(query_params(request))
        names = self.flow.choices(asked, self.choice.read(request))
        if len(names) > 1:
            return self._choice_page(request, asked, names)
        return await self._begun(request, asked, names[0])

    async def callback(self, request: Request) -> Response:
        """302 to the gateway."""
        arrived_for = named_in(request.url.path)
        url = await self.flow.complete(query_params(request), self.browser.digest_of(request), arrived_for)
        return RedirectResponse(url, 302)

    async def posted(self, request: Request) -> Response:
        """303 to the same place, with a handle of the answer: a form from elsewhere comes without our cookie."""
        handle = await self.flow.keep(await form_params(request))
        return RedirectResponse(f"?{POSTED}={handle}", 303)

    async def _begun(self, request: Request, asked: LoginRequest, provider: str) -> Response:
        browser = self.browser.read_or_mint(request)
        response = RedirectResponse(await self.flow.begin(replace(asked, provider=provider), digest(browser)), 302)
        self.browser.set(response, browser)
        # What was chosen on our own page; what a gateway names is its choice and not the person's.
        if query_params(request).get(_REMEMBER) and is_same_site(request):
            self.choice.set(response, provider)
        return response

    def _choice_page(self, request: Request, asked: LoginRequest, names: list[str]) -> Response:
        """Each link is this very request with the provider added, and is checked like any other when it comes."""
        links = {
            name: str(request.url.include_query_params(provider=name, **{_REMEMBER: "yes"}).query) for name in names
        }
        destination = parse_http_uri(asked.gateway_uri).host
        return self.pages.render(
            "choose_provider.html", links=links, destination=destination, remembered=self.choice.read(request)
        )
