"""The edge of deploy/Caddyfile: the Ingress's routes on one origin, for Compose and for `make up WITH=edge`."""

import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from scripts.manifests import ROOT
from tests.deploy.overlays import overlay
from tests.support.servers import Program, answers, free_port, running, serving

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("DP-02")]

CADDYFILE = ROOT / "deploy/Caddyfile"
LED = {
    "auth server": [
        "/login",
        "/login/choice",
        "/callback",
        "/callback/azure",
        "/gateway-oauth",
        "/gateway-oauth/exchange",
    ],
    "gateway": ["/", "/mcp", "/loginx", "/Login", "/callbacks", "/gateway-oauthx", "/oauth/callback", "/a/login"],
}


def service(name: str, left: anyio.Event) -> ASGIApp:
    """Says who it is and how it was asked; `/stream` goes on until whoever asked has `left`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        seen = {"name": name, "path": scope["path"], "host": request.headers["host"]}
        answer: Response = JSONResponse(seen | {"forwarded": request.headers.get("x-forwarded-for", "")})
        if scope["path"] == "/stream":
            answer = StreamingResponse(events(), media_type="text/event-stream")
        await answer(scope, receive, send)
        if scope["path"] == "/stream":
            left.set()

    return app


async def events() -> AsyncIterator[bytes]:
    yield b"data: one\n\n"
    await anyio.sleep_forever()


@contextmanager
def edge(auth_server: str, gateway: str) -> Iterator[tuple[str, Program]]:
    """The edge in front of two addresses; its origin, and the process."""
    port = free_port()
    variables = {"EDGE_HOST": "127.0.0.1", "EDGE_PORT": str(port)}
    services = {"EDGE_AUTH_SERVER": auth_server, "EDGE_MCP_GATEWAY": gateway}
    command = [str(Path(sys.executable).parent / "caddy"), "run", "--config", str(CADDYFILE)]
    with running(command, variables | services, partial(answers, port), "edge") as program:
        yield f"http://127.0.0.1:{port}", program


@pytest.fixture
async def left() -> anyio.Event:
    return anyio.Event()


@pytest.fixture
async def origin(left: anyio.Event) -> AsyncIterator[str]:
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(serving(service(name, left))) for name in LED]
        with edge(*(url.removeprefix("http://") for url in urls)) as (started, _):
            yield started


async def test_a_path_leads_where_the_ingress_leads_it(origin: str) -> None:
    async with httpx.AsyncClient(base_url=origin, trust_env=False) as http:
        led = {name: [(await http.get(path)).json() for path in paths] for name, paths in LED.items()}
    assert {name: [seen["path"] for seen in each if seen["name"] == name] for name, each in led.items()} == LED


def test_its_prefixes_are_those_of_the_ingress() -> None:
    manifests = [ingress["spec"]["rules"][0]["http"]["paths"] for ingress in overlay("staging").of_kind("Ingress")]
    prefixes = {
        path["path"]
        for paths in manifests
        for path in paths
        if path["backend"]["service"]["name"] == "auth-server" and path["pathType"] == "Prefix"
    }
    found = re.search(r"path_regexp \^/\((.+)\)\(/\|\$\)", CADDYFILE.read_text(encoding="utf-8"))
    assert found
    assert {f"/{name}" for name in found.group(1).split("|")} == prefixes


async def test_a_service_learns_by_which_name_and_for_whom_it_is_asked(origin: str) -> None:
    async with httpx.AsyncClient(base_url=origin, trust_env=False) as http:
        asked = await http.get("/mcp", headers={"Host": "mcp.example.com", "X-Forwarded-For": "203.0.113.7"})
    assert asked.json()["host"] == "mcp.example.com"
    assert asked.json()["forwarded"] == "203.0.113.7, 127.0.0.1"


async def test_an_event_is_passed_on_when_it_comes_and_so_is_the_end_of_interest(
    origin: str, left: anyio.Event
) -> None:
    with anyio.fail_after(20):
        async with httpx.AsyncClient(base_url=origin, trust_env=False) as http, http.stream("GET", "/stream") as answer:
            assert await anext(answer.aiter_lines()) == "data: one"
            assert not left.is_set()
        await left.wait()


@pytest.mark.requirement("OP-02", "OP-04")
async def test_a_service_that_is_gone_is_said_to_be_and_no_code_is_logged() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with edge(nobody, nobody) as (started, program):
        async with httpx.AsyncClient(base_url=started, trust_env=False) as http:
            headers = {"Referer": "http://client.test/?code=the-code-of-this-test"}
            answer = await http.get("/callback?code=the-code-of-this-test&state=s", headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (502, "2")
        assert answer.text == "The service behind this address does not answer. Try again in a moment."
        program.stop()
        lines = [json.loads(line) for line in program.read_output().splitlines()]
    [failed] = [line for line in lines if line.get("logger") == "http.log.error"]
    assert (failed["request"]["uri"], failed["status"]) == ("/callback?…", 502)
    assert "the-code-of-this-test" not in json.dumps(lines)
