"""`mcp-gateway doctor`: each thing that can be wrong around a gateway, over real sockets."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth_server.settings.gateways import GatewaySettings as GatewayOfAuthServer
from authproxy_common.clock import utc_now
from authproxy_common.doctor import Finding, Outcome
from authproxy_common.http.fetching import Fetched, FetchFailed, Unfetchable
from authproxy_common.secret import Secret
from mcp_gateway.doctor import examined
from mcp_gateway.doctor.client_hosts import ClientHosts
from mcp_gateway.settings import AdapterSettings, GatewaySettings, ServerSettings
from mcp_gateway.settings.credentials import TokenExchangeSettings
from mcp_gateway.tokens.signing_keys import in_utc
from tests.support.auth_server import AuthServerWorld
from tests.support.diagnosis import IMPATIENCE, closed, findings, saying, silent
from tests.support.gate import Gate
from tests.support.openid_provider import IDP
from tests.support.published_documents import PublishedDocuments
from tests.support.servers import free_port, serving
from tests.support.signing_rings import kids, ring_of

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-10", "OP-04")]

PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
ISSUER, RESOURCE, SERVER = "authorization server metadata", "MCP server default metadata", "MCP server default"
BACKEND, CLOCK, SIGN_IN = "auth server backend", "clock", "auth server sign-in"
DISCOVERY, RESOURCE_PATH = "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp"
INGRESS = (
    "let the ingress send everything of this host but the auth server's paths to the gateway, and restart the gateway "
    "when its configuration has changed"
)
ITS_BACKEND = (
    "internal_auth_service_url, or external_auth_service_url where that is empty, must lead to the auth server, which "
    "must run and have enabled and proxy_oauth.enabled"
)
ITS_LOGIN = "external_auth_service_url must be the auth server's public_url, where the ingress sends /login to it"


def page() -> Response:
    return HTMLResponse("<html>hunter2</html>")


def answering(answers: Mapping[str, Response]) -> Starlette:
    """A server with one answer for each path, whatever the method."""

    def answer(path: str) -> Any:
        async def endpoint(_request: Request) -> Response:
            return answers[path]

        return endpoint

    methods = ["GET", "POST", "DELETE"]
    return Starlette(routes=[Route(path, answer(path), methods=methods) for path in answers])


class Surroundings:
    """What a gateway needs: an auth server that knows it, its own documents under its public URL, an MCP server.

    Args:
        auth: What to change about the auth server's `proxy_oauth`.
        configured: What to change about the gateway's settings.
    """

    def __init__(self, auth: dict[str, Any] | None = None, **configured: Any) -> None:
        self.port, self.auth_port, self.upstream_port = (free_port() for _ in range(3))
        self.public_url, self.auth_url = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.auth_port}"
        proxy = {"allowed_redirect_uris": (f"{self.public_url}/oauth/callback",), **(auth or {})}
        self.auth = AuthServerWorld(public_url=self.auth_url, proxy=proxy)
        self.auth_server: Any = self.auth.app
        self.documents: dict[str, Response] = {
            DISCOVERY: JSONResponse({"issuer": self.public_url}),
            RESOURCE_PATH: JSONResponse(
                {"resource": f"{self.public_url}/mcp", "authorization_servers": [self.public_url]}
            ),
        }
        self.upstream: dict[str, Response] = {"/mcp": JSONResponse({"jsonrpc": "2.0", "id": "doctor", "result": {}})}
        values: dict[str, Any] = {
            "public_url": self.public_url,
            "external_auth_service_url": self.auth_url,
            "servers": {"default": ServerSettings(url=f"http://127.0.0.1:{self.upstream_port}/mcp")},
        }
        self.settings = GatewaySettings(adapter_config=AdapterSettings(**(values | configured)))

    @contextlib.asynccontextmanager
    async def running(self, *, but: str = "") -> AsyncIterator[None]:
        """All of it, but one."""
        apps = {
            "documents": (answering(self.documents), self.port),
            "auth server": (self.auth_server, self.auth_port),
            "upstream": (answering(self.upstream), self.upstream_port),
        }
        async with AsyncExitStack() as stack:
            for name, (app, port) in apps.items():
                if name != but:
                    await stack.enter_async_context(serving(app, port))
            yield

    async def findings(self, **options: Any) -> dict[str, Finding]:
        found = await findings(examined, self.settings, **options)
        assert "hunter2" not in str(found)
        return found

    async def found(self, *, but: str = "", **options: Any) -> dict[str, Finding]:
        """What is found while all of it runs, but one."""
        async with self.running(but=but):
            return await self.findings(**options)


def failed(found: Mapping[str, Finding]) -> set[str]:
    return {name for name, line in found.items() if line.outcome == FAILED}


async def test_surroundings_as_they_should_be_pass_line_by_line() -> None:
    ring = ring_of(utc_now() + timedelta(hours=1), None, None)
    waiting, signing, old = kids(ring)
    here = Surroundings(signing_keys=ring)
    found = await here.found()

    begins = in_utc(utc_now() + timedelta(hours=1))[:10]
    keys = found.pop("signing keys")
    assert keys.outcome == PASSED
    assert keys.reason.startswith(f"{waiting} signs from {begins}")
    assert keys.reason.endswith(f"; {signing} signs; {old} verifies")
    assert list(found.values())[1:] == [
        Finding(ISSUER, PASSED, f"the issuer is {here.public_url}"),
        Finding(RESOURCE, PASSED, f"the resource is {here.public_url}/mcp"),
        Finding(BACKEND, PASSED, f"the auth server answers at {here.auth_url}"),
        Finding(CLOCK, PASSED, "this machine's clock agrees with theirs"),
        Finding(SIGN_IN, PASSED, f"browsers are sent to {IDP}"),
        Finding(
            "client metadata",
            SKIPPED,
            "clients of any host may identify themselves by a document, and no host is named to try",
            "name those that you expect in client_metadata_hosts; this machine must reach them on the internet",
        ),
        Finding(SERVER, PASSED, "answers (status 200)"),
    ]
    assert here.auth.provider.times_asked("authorize") == 0


@pytest.mark.parametrize("inside", [False, True])
async def test_a_public_url_that_is_out_of_reach(inside: bool) -> None:
    here = Surroundings()
    found = await here.found(but="documents", inside=inside)

    for name, path in ((ISSUER, DISCOVERY), (RESOURCE, RESOURCE_PATH)):
        assert found[name].outcome == (SKIPPED if inside else FAILED)
        reason = f"{here.public_url}{path} cannot be reached: nothing listens there"
        assert found[name].reason == reason + (", from here" if inside else "")
    assert failed(found) == (set() if inside else {ISSUER, RESOURCE})


@pytest.mark.requirement("DI-03")
@pytest.mark.parametrize("issuer", ["PUBLIC/", "https://another.test", None])
async def test_a_public_url_where_another_issuer_answers(issuer: str | None) -> None:
    here = Surroundings()
    said = issuer.replace("PUBLIC", here.public_url) if issuer else None
    here.documents[DISCOVERY] = JSONResponse({"issuer": said})

    reason = f"{here.public_url}{DISCOVERY} says that the issuer is {said}, and by public_url it is {here.public_url}"
    assert (await here.found())[ISSUER] == Finding(ISSUER, FAILED, reason, INGRESS)


@pytest.mark.requirement("DI-02")
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"resource": "https://another.test/mcp"},
            "the resource is https://another.test/mcp, and by public_url it is ",
        ),
        ({"authorization_servers": []}, "authorization_servers is [], and by public_url it is "),
    ],
    ids=["resource", "authorization server"],
)
async def test_a_public_url_where_another_resource_answers(changed: dict[str, Any], reason: str) -> None:
    here = Surroundings()
    body = {"resource": f"{here.public_url}/mcp", "authorization_servers": [here.public_url]}
    here.documents[RESOURCE_PATH] = JSONResponse(body | changed)
    found = await here.found()

    expected = body["resource"] if "resource" in changed else body["authorization_servers"]
    said = f"{here.public_url}{RESOURCE_PATH} says that {reason}{expected}"
    assert found[RESOURCE] == Finding(RESOURCE, FAILED, said, INGRESS)
    assert failed(found) == {RESOURCE}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(page(), " answers something other than a JSON object (text/html; charset=utf-8)", id="html"),
        pytest.param(Response(status_code=404), " answers 404", id="404"),
    ],
)
async def test_a_public_url_without_our_documents(answer: Response, reason: str) -> None:
    here = Surroundings()
    here.documents = dict.fromkeys((DISCOVERY, RESOURCE_PATH), answer)
    found = await here.found()

    assert found[ISSUER] == Finding(ISSUER, FAILED, f"{here.public_url}{DISCOVERY}{reason}", INGRESS)
    assert found[RESOURCE] == Finding(RESOURCE, FAILED, f"{here.public_url}{RESOURCE_PATH}{reason}", INGRESS)


async def test_an_auth_server_that_is_down() -> None:
    here = Surroundings()
    found = await here.found(but="auth server")

    url = f"{here.auth_url}/gateway-oauth/userinfo"
    assert found[BACKEND] == Finding(BACKEND, FAILED, f"{url} cannot be reached: nothing listens there", ITS_BACKEND)
    assert found[CLOCK] == Finding(CLOCK, SKIPPED, f"not examined, because {BACKEND} did not pass")
    assert found[SIGN_IN].reason == f"{here.auth_url}/login cannot be reached: nothing listens there"
    assert failed(found) == {BACKEND, SIGN_IN}


async def test_only_the_url_that_browsers_use_may_be_out_of_reach_from_inside() -> None:
    internal = Surroundings()
    here = Surroundings(
        auth={"allowed_redirect_uris": ()},
        external_auth_service_url=closed(),
        internal_auth_service_url=internal.auth_url,
    )
    async with internal.running():
        found = await here.found(inside=True)
        assert (found[BACKEND].outcome, found[SIGN_IN].outcome) == (PASSED, SKIPPED)
    found = await here.found(inside=True)
    assert (found[BACKEND].outcome, found[SIGN_IN].outcome) == (FAILED, SKIPPED)


async def test_something_else_in_the_auth_servers_place() -> None:
    here = Surroundings()
    here.auth_server = page()
    found = await here.found()

    reason = f"no auth server that is switched on answers at {here.auth_url}"
    assert found[BACKEND] == Finding(BACKEND, FAILED, f"{reason} (status 200)", ITS_BACKEND)
    assert found[SIGN_IN] == Finding(SIGN_IN, FAILED, f"{reason}/login (status 200)", ITS_LOGIN)


async def test_a_redirect_that_is_not_the_auth_servers() -> None:
    here = Surroundings()
    here.auth_server = RedirectResponse("https://another.test/?response_type=code", 302)

    reason = f"no auth server that is switched on answers at {here.auth_url}/login (status 302)"
    assert (await here.found())[SIGN_IN] == Finding(SIGN_IN, FAILED, reason, ITS_LOGIN)


@pytest.mark.requirement("CF-05")
async def test_an_auth_server_that_is_switched_off() -> None:
    here = Surroundings(auth={"enabled": False})
    found = await here.found()

    reason = f"no auth server that is switched on answers at {here.auth_url}"
    assert found[BACKEND] == Finding(BACKEND, FAILED, f"{reason} (status 404)", ITS_BACKEND)
    assert found[SIGN_IN] == Finding(SIGN_IN, FAILED, f"{reason}/login (status 404)", ITS_LOGIN)


@pytest.mark.parametrize(
    ("auth", "configured"),
    [
        pytest.param({"allowed_redirect_uris": ("https://another.test/cb",)}, {}, id="it does not know this gateway"),
        pytest.param({}, {"external_auth_provider": "okta"}, id="it does not know the provider"),
    ],
)
async def test_an_auth_server_that_does_not_let_this_gateway_in(
    auth: dict[str, Any], configured: dict[str, Any]
) -> None:
    here = Surroundings(auth, **configured)
    found = await here.found()

    assert found[SIGN_IN] == Finding(
        SIGN_IN,
        FAILED,
        "the auth server lets nobody sign in for this gateway",
        f"its proxy_oauth.allowed_redirect_uris must have {here.public_url}/oauth/callback, and it must have the "
        "provider that external_auth_provider names here",
    )
    assert failed(found) == {SIGN_IN}


async def test_an_auth_server_whose_provider_is_down() -> None:
    here = Surroundings()
    here.auth.provider.is_down = True

    reason = "the auth server sends browsers back with temporarily_unavailable"
    assert (await here.found())[SIGN_IN] == Finding(SIGN_IN, FAILED, reason, "run `auth-server doctor`")


async def test_an_auth_server_with_several_providers_lets_people_choose() -> None:
    here = Surroundings()
    proxy = {"allowed_redirect_uris": (f"{here.public_url}/oauth/callback",)}
    here.auth_server = AuthServerWorld(public_url=here.auth_url, providers=("one", "two"), proxy=proxy).app

    reason = "browsers are shown the providers to choose from"
    assert (await here.found())[SIGN_IN] == Finding(SIGN_IN, PASSED, reason)


async def test_a_clock_that_is_wrong() -> None:
    found = await Surroundings().found(now=lambda: utc_now() - timedelta(minutes=10))

    assert found[CLOCK].outcome == FAILED
    assert found[CLOCK].reason in {f"this machine's clock is {late} s behind theirs" for late in (598, 599, 600)}
    assert found[CLOCK].remedy == "set both clocks by NTP; tokens are refused when clocks differ by more than 60 s"


URL = "servers.default.url"
USELESS: list[Any] = [
    pytest.param(
        Response(status_code=401),
        "answers 401: it wants credentials",
        "let the gateway in without any, by the network that it comes from",
        id="401",
    ),
    pytest.param(
        Response(status_code=403),
        "answers 403: it does not let the gateway in",
        f"let the host of {URL} in there, or the gateway by its address",
        id="403",
    ),
    pytest.param(
        Response(status_code=404),
        "answers 404: there is no MCP endpoint at this path",
        f"{URL} must have the path too, such as /mcp",
        id="404",
    ),
    pytest.param(
        Response(status_code=405),
        "answers 405: there is no MCP endpoint at this path",
        f"{URL} must have the path too, such as /mcp",
        id="405",
    ),
    pytest.param(
        Response(status_code=421),
        "answers 421: it does not go by this name",
        f"let the host of {URL} in there, among its allowed hosts",
        id="421",
    ),
    pytest.param(
        RedirectResponse("https://another.test/", 307),
        "answers 307: the gateway follows no redirect",
        f"{URL} must be where it redirects to",
        id="redirect",
    ),
    pytest.param(
        Response(status_code=502), "answers 502", "see the log of the MCP server, or of what stands before it", id="502"
    ),
    pytest.param(
        page(),
        "answers something other than MCP (text/html; charset=utf-8)",
        f"{URL} must be that of an MCP endpoint",
        id="html",
    ),
]


@pytest.mark.parametrize(("answer", "reason", "remedy"), USELESS)
async def test_an_mcp_server_whose_answer_is_of_no_use(answer: Response, reason: str, remedy: str) -> None:
    here = Surroundings()
    here.upstream["/mcp"] = answer
    found = await here.found()

    assert found[SERVER] == Finding(SERVER, FAILED, reason, remedy)
    assert failed(found) == {SERVER}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(JSONResponse({}, 400), id="it wants a session first"),
        pytest.param(Response("event: message\n\n", media_type="text/event-stream"), id="it streams"),
    ],
)
async def test_an_mcp_server_that_has_understood_is_there(answer: Response) -> None:
    here = Surroundings()
    here.upstream["/mcp"] = answer
    found = (await here.found())[SERVER]
    assert found == Finding(SERVER, PASSED, f"answers (status {answer.status_code})")


async def test_an_mcp_server_that_cannot_be_reached() -> None:
    reason, remedy = "cannot be reached: ", f"{URL} must lead to it, and it must run"
    assert (await Surroundings().found(but="upstream"))[SERVER] == Finding(
        SERVER, FAILED, f"{reason}nothing listens there", remedy
    )
    with silent() as origin:
        here = Surroundings(servers={"default": ServerSettings(url=f"{origin}/mcp")})
        found = await here.found(patience=IMPATIENCE)
    assert found[SERVER] == Finding(SERVER, FAILED, f"{reason}no answer in time", remedy)
    async with saying(b"hunter2\r\n\r\n") as port:
        here = Surroundings(servers={"default": ServerSettings(url=f"http://127.0.0.1:{port}/mcp")})
        found = await here.found()
    assert found[SERVER] == Finding(SERVER, FAILED, f"{reason}the connection broke (NotHTTP)", remedy)


async def test_one_mcp_server_that_is_down_hides_no_other() -> None:
    here = Surroundings()
    up = here.settings.adapter_config.servers["default"]
    async with here.running():
        found = await Surroundings(servers={"up": up, "down": ServerSettings(url=f"{closed()}/mcp")}).findings()
    assert (found["MCP server up"].outcome, found["MCP server down"].outcome) == (PASSED, FAILED)


async def test_each_endpoint_of_an_mcp_server_is_asked() -> None:
    here, down = Surroundings(), f"{closed()}/mcp"
    up = here.settings.adapter_config.servers["default"].url
    async with here.running():
        found = await Surroundings(servers={"default": ServerSettings(urls=(up, down))}).findings()
    assert found["MCP server default urls[0]"].outcome == PASSED
    assert found["MCP server default urls[1]"] == Finding(
        "MCP server default urls[1]",
        FAILED,
        "cannot be reached: nothing listens there",
        "servers.default.urls[1] must lead to it, and it must run",
    )


async def test_without_signing_keys_of_ones_own() -> None:
    assert (await Surroundings().findings())["signing keys"] == Finding(
        "signing keys",
        SKIPPED,
        "none is configured, so one was made at first start",
        "make a ring with `mcp-gateway keys rotate` before development_mode is switched off",
    )


@pytest.mark.requirement("CF-05")
async def test_a_plain_proxy_is_asked_for_its_mcp_servers_alone() -> None:
    found = await Surroundings(enable_auth=False).found(but="auth server")

    assert list(found) == ["redis", "authentication", SERVER]
    assert found["authentication"] == Finding(
        "authentication",
        SKIPPED,
        "enable_auth is false, so that nobody is asked who they are, and whoever reaches the gateway may call",
        "let a network policy decide who reaches it, or set enable_auth",
    )
    assert found[SERVER].outcome == PASSED


HOST_REMEDY = (
    "let this machine resolve the name and connect to port 443 outside, without a proxy; clients that identify "
    "themselves by a document of this host cannot connect until then"
)


@pytest.mark.requirement("CL-02")
@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("nowhere.invalid", "its name cannot be resolved"),
        ("127.0.0.1", "its address is not one of the public internet"),
    ],
)
async def test_a_host_of_clients_that_cannot_be_reached(host: str, reason: str) -> None:
    name = f"client metadata of {host}"
    expected = Finding(name, FAILED, f"https://{host} cannot be reached: {reason}", HOST_REMEDY)
    assert (await Surroundings(client_metadata_hosts=(host,)).findings())[name] == expected


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Fetched({}, b"{"), id="a page"),
        pytest.param(Unfetchable("the answer was 404", 404), id="404"),
        pytest.param(FetchFailed("the answer was 503", 503), id="503"),
    ],
)
async def test_a_host_of_clients_that_answers_anything_is_reached(answer: Fetched | Exception) -> None:
    config = Surroundings(client_metadata_hosts=("editor.test",)).settings.adapter_config
    (check,) = ClientHosts(config, PublishedDocuments({"https://editor.test/": answer})).checks()
    assert (check.name, await check.examine()) == ("client metadata of editor.test", "reached")


async def test_without_metadata_documents_there_is_no_host_to_reach() -> None:
    here = Surroundings(client_metadata_hosts=("nowhere.invalid",), client_metadata_documents=False)
    reason = "client_metadata_documents is false: clients register instead"
    assert (await here.findings())["client metadata"] == Finding("client metadata", SKIPPED, reason)


async def test_hanging_neighbours_hide_nobody() -> None:
    here, gate = Surroundings(), Gate()
    here.auth.provider.gates["metadata"] = gate
    async with here.running():
        found = await here.findings(patience=IMPATIENCE)
        gate.opened.set()

    assert found[SIGN_IN].reason == f"{here.auth_url}/login cannot be reached: no answer in time"
    assert failed(found) == {SIGN_IN}


@pytest.mark.requirement("OP-02")
async def test_no_secret_of_the_configuration_is_in_the_report() -> None:
    ring, sealing, password = ring_of(None), "a-sealing-key-nobody-may-see", "hunter2"
    here = Surroundings(
        signing_keys=ring,
        encryption_keys=(Secret(sealing),),
        redis_url=Secret(f"redis://:{password}@127.0.0.1:{free_port()}/0"),
    )
    said = str(await here.found())
    assert sealing not in said
    assert "PRIVATE KEY" not in said
    assert ring.reveal().splitlines()[1] not in said


EXCHANGE = "token exchange for default"
SECRET = "of-the-gateway-hunter2"


def exchanging(listed: str = "wiki", secret: str = SECRET, provider: str = "test") -> Surroundings:
    """A gateway whose MCP server gets tokens for `wiki`, at an auth server that has `listed` for it."""
    own = GatewayOfAuthServer(
        allowed_redirect_uris=("https://mcp.test/cb",),
        client_secret=Secret(SECRET),
        token_exchange={"test": (listed,)},
    )
    here = Surroundings(external_auth_gateway_name="mcp", external_auth_gateway_secret=Secret(secret))
    target = TokenExchangeSettings(provider=provider, audience="wiki")
    server = ServerSettings(
        url=f"http://127.0.0.1:{here.upstream_port}/mcp", credentials="token_exchange", token_exchange=target
    )
    config = replace(here.settings.adapter_config, servers={"default": server})
    here.settings = GatewaySettings(adapter_config=config)
    proxy = {"allowed_redirect_uris": (f"{here.public_url}/oauth/callback",)}
    here.auth_server = AuthServerWorld(public_url=here.auth_url, proxy=proxy, gateways={"mcp": own}).app
    return here


NOT_EXCHANGED: list[Any] = [
    pytest.param(
        {"listed": "payroll"},
        "the auth server may not exchange tokens for it",
        "its gateways.mcp.token_exchange.test must list wiki",
        id="a service that is not listed",
    ),
    pytest.param(
        {"secret": "guessed-by-hunter2"},
        "the auth server does not know this gateway by its credentials",
        "its gateways.mcp must have the secret that external_auth_gateway_secret is here",
        id="another secret",
    ),
    pytest.param(
        {"provider": "okta"},
        "the auth server does not know the provider okta",
        "its providers, and its gateways.mcp.token_exchange.okta, must have it",
        id="an unknown provider",
    ),
]


@pytest.mark.requirement("TP-05")
async def test_an_auth_server_that_exchanges_tokens_is_asked_without_one() -> None:
    found = await exchanging().found()
    reason = "the auth server exchanges tokens of test for it; whether the provider does, a call shows"
    assert found[EXCHANGE] == Finding(EXCHANGE, PASSED, reason)


@pytest.mark.requirement("TP-05")
@pytest.mark.parametrize(("changed", "reason", "remedy"), NOT_EXCHANGED)
async def test_an_auth_server_that_exchanges_no_tokens_for_a_server(
    changed: dict[str, str], reason: str, remedy: str
) -> None:
    found = await exchanging(**changed).found()
    assert found[EXCHANGE] == Finding(EXCHANGE, FAILED, reason, remedy)
    assert failed(found) == {EXCHANGE}


@pytest.mark.requirement("TP-05")
async def test_an_auth_server_of_before_exchanges_no_tokens() -> None:
    here = exchanging()
    here.auth_server = answering({"/gateway-oauth/token-exchange": JSONResponse({"error": "not_found"}, 404)})
    found = await here.found()
    assert found[EXCHANGE].reason == "the auth server exchanges no tokens (status 404)"
    found = await here.found(but="auth server")
    assert found[EXCHANGE].outcome == FAILED


@pytest.mark.requirement("TP-06")
@pytest.mark.parametrize(
    ("way", "further", "outcome"),
    [
        ("none", {}, FAILED),
        ("identity", {}, PASSED),
        ("provider_token", {}, PASSED),
        ("static", {"static_headers": {"X-Api-Key": Secret("hunter2")}}, FAILED),
    ],
)
async def test_a_server_that_wants_credentials_is_as_it_should_be_where_callers_bring_them(
    way: str, further: dict[str, Any], outcome: Outcome
) -> None:
    here = Surroundings()
    url = here.settings.adapter_config.servers["default"].url
    server = ServerSettings(url=url, credentials=way, **further)
    here.settings = GatewaySettings(adapter_config=replace(here.settings.adapter_config, servers={"default": server}))
    here.upstream["/mcp"] = Response(status_code=401)
    found = (await here.found())[SERVER]
    assert found.outcome == outcome
    if way == "static":
        reason, remedy = "answers 401: it does not take the headers that it gets", "servers.default.static_headers"
        assert (found.reason, found.remedy) == (reason, f"{remedy} must be what it wants")


@pytest.mark.requirement("TP-06")
async def test_a_server_is_examined_with_the_headers_that_every_call_has() -> None:
    here, got = Surroundings(), []

    async def asks_for_a_key(request: Request) -> Response:
        got.append(dict(request.headers))
        return JSONResponse({}, 200 if request.headers.get("x-api-key") == "of-this-gateway" else 401)

    url = here.settings.adapter_config.servers["default"].url
    server = ServerSettings(url=url, credentials="static", static_headers={"X-Api-Key": Secret("of-this-gateway")})
    here.settings = GatewaySettings(adapter_config=replace(here.settings.adapter_config, servers={"default": server}))
    async with serving(Starlette(routes=[Route("/mcp", asks_for_a_key, methods=["POST"])]), here.upstream_port):
        found = await here.found(but="upstream")
    assert found[SERVER] == Finding(SERVER, PASSED, "answers (status 200)")
    assert len(got) == 1
