"""A gateway in this process, with an honest stand-in for the auth server and an MCP server that says what it got."""

import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from authproxy_common.records import SealingKeys, generate_key, open_store
from authproxy_common.records.rate_limits import open_rate_counters
from authproxy_common.records.store import Store
from authproxy_common.secret import Secret
from mcp_gateway.app import Gateway, Resources, create_gateway
from mcp_gateway.composition.resources import Fetchers
from mcp_gateway.proxy.transport import UpstreamTransport
from mcp_gateway.settings import AdapterSettings, GatewaySettings, ServerSettings
from mcp_gateway.tokens.signing_keys import SigningKeys, generate_signing_key
from tests.support.browser import Browser, Page
from tests.support.clock import MovableClock
from tests.support.httpx_transport import HttpxTransport
from tests.support.network import virtual_network
from tests.support.published_documents import PublishedDocuments

GATEWAY, AUTH, UPSTREAM = "https://mcp.test", "https://auth.test", "https://upstream.test"
REDIRECT_URI = "http://127.0.0.1:7777/callback"


@dataclass
class StandInAuthServer:
    """Signs everybody in at once, but keeps the exchange contract: one use, bound to URI and verifier."""

    person: str = "alice"
    provider: str = "test"
    user: dict[str, Any] | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    answer_with: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    exchanges: int = 0
    revoked: list[dict[str, str]] = field(default_factory=list)
    revoke_answer: Response | None = None
    refreshes: list[str] = field(default_factory=list)
    refresh_answer: Response | None = None
    before_refresh: Callable[[], Awaitable[object]] | None = None
    expires_in: int = 3600
    members: dict[str, Any] = field(default_factory=dict)
    has_refresh_tokens: bool = True
    accepts: bool = True
    validate_answer: Response | None = None
    validations: list[str] = field(default_factory=list)
    validated_at: list[str | None] = field(default_factory=list)
    token_exchanges: list[dict[str, str]] = field(default_factory=list)
    token_exchange_answer: Response | None = None

    async def login(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if self.answer_with:
            query = urlencode({**self.answer_with, "state": asked["state"]})
        else:
            code = "gc_" + secrets.token_urlsafe(32)
            self.codes[code] = asked
            query = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['gateway_uri']}?{query}", 302)

    async def exchange(self, request: Request) -> Response:
        self.exchanges += 1
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self.codes.pop(form["code"], None)
        if asked is None or asked["gateway_uri"] != form["gateway_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if asked["code_challenge"] != s256(form["code_verifier"]):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({**self._tokens("provider-refresh"), "user": self._user()})

    def _user(self) -> dict[str, Any]:
        said = {"email": f"{self.person}@example.com"} if self.user is None else self.user
        return {"sub": self.person, **said, **self.claims}

    @property
    def access_token(self) -> str:
        """The one that it made last: another one at every refresh."""
        return f"provider-access-{len(self.refreshes)}" if self.refreshes else "provider-access"

    def _tokens(self, refresh_token: str) -> dict[str, Any]:
        tokens: dict[str, Any] = {"access_token": self.access_token, "token_type": "Bearer"}
        tokens |= {"refresh_token": refresh_token} if self.has_refresh_tokens else {}
        tokens |= {"expires_in": self.expires_in, "provider": self.provider, **self.members}
        return {name: value for name, value in tokens.items() if value is not None}

    async def refresh(self, request: Request) -> Response:
        """Rotates: a refresh token that was used before is refused."""
        offered = dict(parse_qsl((await request.body()).decode()))["refresh_token"]
        if self.before_refresh:
            await self.before_refresh()
        used = offered in self.refreshes
        self.refreshes.append(offered)
        if self.refresh_answer is not None:
            return self.refresh_answer
        if used:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({**self._tokens(f"provider-refresh-{len(self.refreshes)}"), "user": self._user()})

    @property
    def signed_out(self) -> list[str]:
        """The refresh tokens that were given back; an access token goes with each."""
        return [form["token"] for form in self.revoked if "refresh" in form["token"]]

    async def revoke(self, request: Request) -> Response:
        self.revoked.append(dict(parse_qsl((await request.body()).decode())))
        return self.revoke_answer or JSONResponse({})

    async def validate(self, request: Request) -> Response:
        """Knows the tokens that it made, whomever it made them for."""
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.validations.append(token)
        self.validated_at.append(dict(parse_qsl((await request.body()).decode())).get("provider"))
        if self.validate_answer is not None:
            return self.validate_answer
        if not self.accepts or not token.startswith("provider-access"):
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse({"active": True, "provider": self.provider, "user": {"sub": self.person}})

    async def exchange_token(self, request: Request) -> Response:
        """For a gateway that authenticates, in place of the access token that it made last."""
        form = dict(parse_qsl((await request.body()).decode()))
        self.token_exchanges.append(form)
        if self.token_exchange_answer is not None:
            return self.token_exchange_answer
        if not request.headers.get("authorization", "").startswith("Basic "):
            return JSONResponse({"error": "invalid_client"}, 401)
        if form["subject_token"] != self.access_token or form["provider"] != self.provider:
            return JSONResponse({"error": "invalid_grant"}, 400)
        service = form.get("audience") or form.get("resource") or form["scope"]
        token = {"access_token": f"exchanged-for-{service}-{len(self.token_exchanges)}", "token_type": "Bearer"}
        return JSONResponse({**token, "expires_in": self.expires_in})

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/login", self.login),
                Route("/gateway-oauth/token-exchange", self.exchange_token, methods=["POST"]),
                Route("/gateway-oauth/validate", self.validate, methods=["POST"]),
                Route("/gateway-oauth/exchange", self.exchange, methods=["POST"]),
                Route("/gateway-oauth/refresh", self.refresh, methods=["POST"]),
                Route("/gateway-oauth/revoke", self.revoke, methods=["POST"]),
            ]
        )


@dataclass(kw_only=True)
class EchoServer:
    """An upstream that remembers the requests it got and answers as it is told."""

    received: list[Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[Request], Awaitable[Response]] | None = None

    async def mcp(self, request: Request) -> Response:
        if self.answer:
            return await self.answer(request)
        self.received.append(request)
        self.bodies.append(await request.body())
        return JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}}, self.status, headers=self.headers)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.mcp, methods=["GET", "POST", "DELETE"])])


@dataclass
class ClientApp:
    """A registered MCP client: what it knows between the steps of an authorization."""

    client_id: str
    redirect_uri: str = REDIRECT_URI
    gateway: str = GATEWAY
    path: str = "/mcp"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def authorization_url(self, **changed: str | None) -> str:
        """The authorization request; a parameter changed to None is left out."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
            "resource": self.gateway + self.path,
            **changed,
        }
        return f"{self.gateway}/oauth/authorize?{urlencode({n: v for n, v in parameters.items() if v is not None})}"

    def code_form(self, issued_code: str, /, **changed: str | None) -> dict[str, str]:
        """The token request for a code; a parameter changed to None is left out."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": issued_code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **changed,
        }
        return {name: value for name, value in form.items() if value is not None}

    def refresh_form(self, refresh_token: str, **changed: str) -> dict[str, str]:
        """The token request for a refresh token."""
        return {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.client_id,
            **changed,
        }


class World:
    """Everything around one gateway, or several replicas of it."""

    def __init__(
        self,
        store: Store | None = None,
        transport: UpstreamTransport | None = None,
        upstream: EchoServer | None = None,
        **changed: Any,
    ) -> None:
        self.transport = transport
        self.auth, self.upstream, self.clock = StandInAuthServer(), upstream or EchoServer(), MovableClock()
        self.store = store or open_store(Secret("memory://"))
        self.counters, self.published = open_rate_counters(Secret("memory://"), "mcp-gateway"), PublishedDocuments()
        self.sealing_keys = SealingKeys([generate_key()])
        self.signing_keys = SigningKeys.from_pem(generate_signing_key())
        servers = changed.pop("servers", {"default": ServerSettings(url=f"{UPSTREAM}/mcp", credentials="identity")})
        self.settings = AdapterSettings(
            public_url=GATEWAY,
            external_auth_service_url=AUTH,
            servers=dict(servers),
            management_port=0,
            external_auth_provider=changed.pop("external_auth_provider", "test"),
            **changed,
        )
        self.gateway = self._gateway()
        self.app = self.gateway.app
        self.http = virtual_network({GATEWAY: self.app, AUTH: self.auth.app()})
        self.browser = self.new_browser()

    def replica(self, signing_keys: SigningKeys | None = None) -> Any:
        """One more gateway on the same store and keys; or one that has been restarted with another signing ring."""
        return self._gateway(signing_keys).app

    def _gateway(self, signing_keys: SigningKeys | None = None) -> Gateway:
        outside = virtual_network({AUTH: self.auth.app(), UPSTREAM: self.upstream.app()})
        transport = self.transport or HttpxTransport(outside)
        resources = Resources(
            store=self.store,
            counters=self.counters,
            sealing_keys=self.sealing_keys,
            signing_keys=signing_keys or self.signing_keys,
            http=outside,
            fetchers=Fetchers(public=self.published, anywhere=self.published),
            transport=transport,
            now=self.clock,
        )
        return create_gateway(GatewaySettings(adapter_config=self.settings), resources)

    def restart(self, **servers: ServerSettings) -> None:
        """The gateway with other settings of its MCP servers; calls and token requests go to this one from now on."""
        self.settings.servers.update(servers)
        self.app = self.replica()
        self.http = virtual_network({GATEWAY: self.app, AUTH: self.auth.app()})

    def new_browser(self) -> Browser:
        """Somebody else's browser. The client's loopback address is nobody's, so journeys end there."""
        return Browser(virtual_network({GATEWAY: self.app, AUTH: self.auth.app(), "http://127.0.0.1:7777": _landing}))

    async def register(self, **metadata: Any) -> ClientApp:
        """A new client."""
        body = {"client_name": "Editor", "redirect_uris": [REDIRECT_URI], **metadata}
        answer = await self.http.post(f"{GATEWAY}/oauth/register", json=body)
        assert answer.status_code == 201, answer.text
        return ClientApp(answer.json()["client_id"], body["redirect_uris"][0])

    async def authorize(self, client: ClientApp, **changed: str | None) -> dict[str, str]:
        """The authorization response to a client whose user approves, or did before."""
        page = await self.browser.open(client.authorization_url(**changed))
        return answer_of(await self.browser.submit(page, {"decision": "approve"}) if page.forms else page)

    async def code(self, client: ClientApp, **changed: str | None) -> str:
        """A fresh code for the client."""
        return (await self.authorize(client, **changed))["code"]

    async def token(self, form: dict[str, str], **options: Any) -> httpx.Response:
        """`POST /oauth/token`."""
        return await self.http.post(f"{GATEWAY}/oauth/token", data=form, **options)

    async def tokens(self, client: ClientApp, **changed: str | None) -> dict[str, Any]:
        """The tokens of a client that signs in from the beginning."""
        answer = await self.token(client.code_form(await self.code(client, **changed)))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def call(self, access_token: str | None, path: str = "/mcp", **options: Any) -> httpx.Response:
        """An MCP call."""
        headers = dict(options.pop("headers", {}))
        if access_token is not None:
            headers["Authorization"] = f"Bearer {access_token}"
        return await self.http.post(GATEWAY + path, headers=headers, **({"json": {"id": 1}} | options))


def answer_of(page: Page) -> dict[str, str]:
    """The parameters that a client got at its redirect URI."""
    assert page.url.startswith("http://127.0.0.1:7777/"), page.text
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def s256(verifier: str) -> str:
    """RFC 7636 §4.2, worked out apart from the code under test."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def _landed(_request: Request) -> Response:
    return Response("the client has its answer")


_landing = Starlette(routes=[Route("/callback", _landed)])
