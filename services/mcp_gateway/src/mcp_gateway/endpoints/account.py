"""`/account/consents`: what was allowed in this browser, and the way to withdraw it."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authproxy_common.frozen import frozen
from authproxy_common.http.body import form_params
from authproxy_common.http.browser import BrowserCookie, check_same_site
from authproxy_common.http.pages import Pages
from mcp_gateway.domain.resources import MCPServers
from mcp_gateway.flows.consents import Consents

CONSENTS = "/account/consents"


@frozen
class AccountEndpoints:
    """A person's own page.

    Args:
        consents: What it shows.
        servers: For the words of scopes.
        visitor: The cookie of the browser that consents were given in.
        pages: Renders it.
    """

    consents: Consents
    servers: MCPServers
    visitor: BrowserCookie
    pages: Pages

    async def show(self, request: Request) -> Response:
        """The page."""
        given = await self.consents.all(self.visitor.digest_of(request) or "")
        return self.pages.render("consents.html", consents=given, words=self.servers.words)

    async def withdraw(self, request: Request) -> Response:
        """303 to the page, without the consent that was withdrawn."""
        check_same_site(request)
        form = await form_params(request)
        await self.consents.withdraw(self.visitor.digest_of(request) or "", form.require("withdrawal_key"))
        return RedirectResponse(CONSENTS, 303)
