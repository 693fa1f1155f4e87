"""`/login/choice`, where a person sees which provider this browser remembers, and has it forgotten."""

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authproxy_common.frozen import frozen
from authproxy_common.http.browser import BrowserCookie, check_same_site
from authproxy_common.http.pages import Pages


@frozen
class ProviderChoiceEndpoints:
    """The remembered choice.

    Args:
        choice: The cookie that holds it.
        providers: The names that it may hold.
        pages: Renders it.
    """

    choice: BrowserCookie
    providers: Collection[str]
    pages: Pages

    async def show(self, request: Request) -> Response:
        """The page."""
        remembered = self.choice.read(request)
        return self.pages.render("choice.html", provider=remembered if remembered in self.providers else None)

    async def forget(self, request: Request) -> Response:
        """303 to the page, which has nothing to show any more."""
        check_same_site(request)
        response = RedirectResponse("choice", 303)
        self.choice.clear(response)
        return response
