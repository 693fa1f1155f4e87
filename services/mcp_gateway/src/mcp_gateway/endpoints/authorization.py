"""`GET /oauth/authorize`, its consent form, and `GET /oauth/callback`, where browsers are sent."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authproxy_common.errors import InvalidRequest
from authproxy_common.http.body import form_params, query_params
from authproxy_common.http.browser import BrowserCookie
from authproxy_common.http.pages import Pages
from mcp_gateway.domain.redirect_uris import destination
from mcp_gateway.domain.resources import MCPServers
from mcp_gateway.flows.authorization import AuthorizationFlow, ConsentAsked


@dataclass(frozen=True, slots=True)
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
        """The consent page."""
        visitor = self.visitor.read_or_mint(request)
        response = self._consent_page(await self.flow.begin(query_params(request), visitor))
        self.visitor.set(response, visitor)
        return response

    async def consent(self, request: Request) -> Response:
        """302 to the auth server on approval, to the client on denial."""
        _check_same_site(request)
        form, visitor = await form_params(request), self.visitor.digest_of(request)
        if form.get("decision") != "approve":
            raise await self.flow.deny(form.require("consent_id"), visitor)
        approval = self.approval.read_or_mint(request)
        response = RedirectResponse(await self.flow.approve(form.require("consent_id"), visitor, approval), 302)
        self.approval.set(response, approval)
        return response

    async def callback(self, request: Request) -> Response:
        """302 to the client."""
        url = await self.flow.complete(query_params(request), self.approval.digest_of(request))
        return RedirectResponse(url, 302)

    def _consent_page(self, asked: ConsentAsked) -> Response:
        authorization = asked.authorization
        server = self.servers.target(authorization.resource)
        return self.pages.render(
            "consent.html",
            consent_id=asked.consent_id,
            client_name=asked.client.client_name,
            destination=destination(authorization.address.uri),
            loopback_only=asked.client.is_loopback_only,
            resource=server.resource,
            scopes=[server.scopes[scope] for scope in authorization.scope],
        )


def _check_same_site(request: Request) -> None:
    """A form sent from elsewhere says so, in every current browser (Fetch metadata)."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise InvalidRequest("this form was not sent from this gateway's own page")
