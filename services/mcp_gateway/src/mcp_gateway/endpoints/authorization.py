"""`GET /oauth/authorize`, its consent form, and `GET /oauth/callback`, where browsers are sent."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authproxy_common.frozen import frozen
from authproxy_common.http.body import form_params, query_params
from authproxy_common.http.browser import BrowserCookie, check_same_site
from authproxy_common.http.pages import Pages
from authproxy_common.secret import mint
from mcp_gateway.domain.redirect_uris import destination, is_loopback
from mcp_gateway.domain.resources import MCPServers
from mcp_gateway.flows.authorization import AuthorizationFlow, ConsentAsked


@frozen
class AuthorizationEndpoints:
    """The browser's side of an authorization.

    Args:
        flow: The conversation.
        servers: For the words of scopes.
        visitor: The cookie that a consent page is rendered for.
        approval: The cookie that is set on approval, and that the callback must bring.
        pages: Renders consent.
    """

    flow: AuthorizationFlow
    servers: MCPServers
    visitor: BrowserCookie
    approval: BrowserCookie
    pages: Pages

    async def authorize(self, request: Request) -> Response:
        """The consent page, or 302 to the auth server where nobody has to be asked."""
        known = self.visitor.read(request)
        visitor = known or mint()
        asked = await self.flow.begin(query_params(request), visitor, is_new=known is None)
        response = (
            self._consent_page(asked) if asked.is_due else await self._approved(request, asked.consent_id, visitor)
        )
        self.visitor.set(response, visitor)
        return response

    async def consent(self, request: Request) -> Response:
        """302 to the auth server on approval, to the client on denial."""
        check_same_site(request)
        form, visitor = await form_params(request), self.visitor.read(request)
        if form.get("decision") != "approve":
            raise await self.flow.deny(form.require("consent_id"), visitor)
        return await self._approved(request, form.require("consent_id"), visitor)

    async def callback(self, request: Request) -> Response:
        """302 to the client."""
        url = await self.flow.complete(query_params(request), self.approval.read(request))
        return RedirectResponse(url, 302)

    async def _approved(self, request: Request, consent_id: str, visitor: str | None) -> Response:
        approval = self.approval.read_or_mint(request)
        response = RedirectResponse(await self.flow.approve(consent_id, visitor, approval), 302)
        self.approval.set(response, approval)
        return response

    def _consent_page(self, asked: ConsentAsked) -> Response:
        authorization = asked.authorization
        server = self.servers.target(authorization.resource)
        return self.pages.render(
            "consent.html",
            consent_id=asked.consent_id,
            client_name=asked.client.client_name,
            destination=destination(authorization.address.uri),
            loopback=is_loopback(authorization.address.uri),
            standing=asked.client.standing.value,
            identified_by=asked.client.document_host,
            server=server,
            scopes=self.servers.words(server.resource, authorization.scope),
        )
