"""An auth server in this process, the provider that it knows, and one gateway that its users come from."""

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import anyio
import httpx
from starlette.types import ASGIApp

from auth_server.app import Resources, create_app
from auth_server.settings import AuthServerSettings, ProviderSettings, ProxyOAuthSettings
from authproxy_common.records import SealingKeys, generate_key, open_store
from authproxy_common.records.rate_limits import open_rate_counters
from authproxy_common.secret import Secret
from tests.support.clock import MovableClock
from tests.support.network import virtual_network
from tests.support.observed_store import ObservedStore
from tests.support.openid_provider import OpenIDProvider, s256
from tests.support.published_documents import PublishedDocuments

AUTH = "https://auth.test"
GATEWAY_URI = "https://app.test/oauth/callback"
STATE = "the gateway's own, & = + / ü"
VERIFIER = "a-verifier-of-the-gateway-that-is-long-enough-to-be-one"
CHALLENGE = s256(VERIFIER)
SCOPE = "openid email profile offline_access"
ATTEMPTS, CODES = "auth-server:sign-in-attempt", "auth-server:gateway-code"


def provider_settings(provider: OpenIDProvider, **changed: Any) -> ProviderSettings:
    """What is configured for `provider`."""
    values: dict[str, Any] = {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "client_secret": Secret(provider.client_secret),
        "redirect_uri": provider.redirect_uri,
        "scope": SCOPE,
    }
    return ProviderSettings(**(values | changed))


class AuthServerWorld:
    """Everything around one auth server, or several replicas of it.

    Args:
        provider: What to change about the provider's registration.
        configured: What to change about the provider's settings.
        providers: The names under which it is configured.
        proxy: The settings below `proxy_oauth`.
        settings: The settings at the top.
    """

    def __init__(
        self,
        *,
        provider: dict[str, Any] | None = None,
        configured: dict[str, Any] | None = None,
        providers: tuple[str, ...] = ("test",),
        proxy: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.clock = MovableClock()
        self.provider = OpenIDProvider(self.clock, **(provider or {}))
        self.store = ObservedStore(open_store(Secret("memory://")), self.clock)
        self.counters = open_rate_counters(Secret("memory://"), "auth-server")
        self.published = PublishedDocuments()
        self.internet = virtual_network({origin_of(self.provider.issuer): self.provider})
        self.settings = AuthServerSettings(
            public_url=settings.pop("public_url", AUTH),
            providers={name: provider_settings(self.provider, **(configured or {})) for name in providers},
            proxy_oauth=ProxyOAuthSettings(**({"allowed_redirect_uris": (GATEWAY_URI,)} | (proxy or {}))),
            **settings,
        )
        self.patience = timedelta(seconds=5)
        self._keys = SealingKeys([generate_key()])
        self.app = self.replica()
        self.browser = self.another_browser()

    def replica(self) -> ASGIApp:
        """One more auth server on the same store and keys."""
        resources = Resources(self.store, self.counters, self._keys, self.internet, self.published, self.clock)
        return create_app(self.settings, resources)

    def another_browser(self, app: ASGIApp | None = None) -> httpx.AsyncClient:
        """Somebody's browser, without a cookie."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(app or self.app), base_url=self.settings.public_url)

    async def login(self, *, prefix: str = "", **changed: str | None) -> httpx.Response:
        """`GET /login` as the gateway would have it; a parameter changed to None is left out."""
        asked = {"gateway_uri": GATEWAY_URI, "state": STATE, **changed}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return await self.get(f"{prefix}/login?{query}")

    async def get(self, url: str, browser: httpx.AsyncClient | None = None) -> httpx.Response:
        """What a browser sees at `url`; it does not follow redirects."""
        with anyio.fail_after(self.patience.total_seconds()):
            return await (browser or self.browser).get(url)

    async def approve(self, login: httpx.Response) -> str:
        """Sign in at the provider; the URL that it sends the browser to."""
        assert login.status_code == 302, login.text
        assert login.headers["location"].startswith(origin_of(self.provider.issuer)), login.headers["location"]
        with anyio.fail_after(self.patience.total_seconds()):
            answer = await self.internet.get(login.headers["location"])
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"]).replace(AUTH, self.settings.public_url, 1)

    async def begin(self, **changed: Any) -> str:
        """Until the provider has sent the browser back: the URL of the callback, not yet asked for."""
        return await self.approve(await self.login(**changed))

    async def complete(self, **changed: Any) -> httpx.Response:
        """The whole way of the browser: the callback's answer."""
        return await self.get(await self.begin(**changed))

    async def code(self, **changed: Any) -> str:
        """A fresh gateway code."""
        return answer_of(await self.complete(**changed))["code"]

    async def post(self, path: str, **options: Any) -> httpx.Response:
        """A call of the gateway's backend."""
        with anyio.fail_after(self.patience.total_seconds()):
            return await self.another_browser().post(path, **options)

    async def exchange(self, issued_code: str, /, **changed: str | None) -> httpx.Response:
        """`POST /gateway-oauth/exchange`, as a form; a parameter changed to None is left out."""
        form = {"code": issued_code, "gateway_uri": GATEWAY_URI, **changed}
        form = {name: value for name, value in form.items() if value is not None}
        return await self.post("/gateway-oauth/exchange", data=form)

    async def tokens(self, **changed: Any) -> dict[str, Any]:
        """What a gateway has after a whole sign-in."""
        answer = await self.exchange(await self.code(**changed))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def refresh(self, refresh_token: str, provider: str = "test") -> httpx.Response:
        """`POST /gateway-oauth/refresh`."""
        form = {"refresh_token": refresh_token, "provider": provider}
        return await self.post("/gateway-oauth/refresh", data=form)

    async def access_token(self, **changed: Any) -> str:
        """One that the provider issued in a whole sign-in."""
        return str((await self.tokens(**changed))["access_token"])

    async def validate(self, access_token: str, **form: str) -> httpx.Response:
        """`POST /gateway-oauth/validate`, as a form."""
        return await self.post("/gateway-oauth/validate", data=form, headers=bearing(access_token))

    async def user_info(self, access_token: str, **query: str) -> httpx.Response:
        """`GET /gateway-oauth/userinfo`."""
        backend = self.another_browser()
        backend.headers.update(bearing(access_token))
        return await self.get(f"/gateway-oauth/userinfo?{urlencode(query)}", backend)


def origin_of(url: str) -> str:
    """Scheme and authority."""
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


def bearing(access_token: str) -> dict[str, str]:
    """The header of whoever has `access_token`."""
    return {"Authorization": f"Bearer {access_token}"}


def answer_of(response: httpx.Response) -> dict[str, str]:
    """The parameters that the gateway gets; the browser was sent to nowhere else."""
    assert response.status_code == 302, response.text
    target, _, query = response.headers["location"].partition("?")
    assert target == GATEWAY_URI
    pairs = parse_qsl(query, strict_parsing=True, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), "a parameter is repeated"
    return dict(pairs)


def asked_of(response: httpx.Response) -> dict[str, str]:
    """The parameters of the authorization request that the browser carries to the provider."""
    assert response.status_code == 302, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query, strict_parsing=True))


def check_page(response: httpx.Response, status: int, *says: str) -> None:
    """It is an error page for a person, who is sent nowhere and told what to do."""
    assert response.status_code == status, response.text
    assert "location" not in response.headers
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert "What to do:" in response.text
    assert response.headers["x-request-id"] in response.text
    for each in says:
        assert each.lower() in response.text.lower()


def check_json(response: httpx.Response, status: int, error: str) -> None:
    """It is an error for a program (RFC 6749 §5.2)."""
    assert response.status_code == status, response.text
    assert "location" not in response.headers
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body.keys() == {"error", "error_description", "request_id"}
    assert body["error"] == error
    assert body["request_id"] == response.headers["x-request-id"]


def check_sent_back(response: httpx.Response, error: str) -> None:
    """The gateway hears of the error with its own state, and gets no code (RFC 6749 §4.1.2.1)."""
    answer = answer_of(response)
    assert answer.keys() == {"error", "error_description", "state"}
    assert (answer["error"], answer["state"]) == (error, STATE)
    assert response.headers["cache-control"] == "no-store"


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs).get("href") or "")


def links_of(response: httpx.Response) -> list[str]:
    """Where the links of a page lead, absolutely."""
    parser = _Links()
    parser.feed(response.text)
    return [str(response.url.join(link)) for link in parser.found]
