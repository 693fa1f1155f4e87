"""deploy/compose.yaml as it stands, brought up and used: run inside of the namespaces that `__main__` made.

The tests are steps: what one has done is what the next one finds.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx
import pytest

from examples.mcp_client import MemoryTokens, connected
from scripts import compose_secrets
from tests.deploy.image_test.workshop import BARE_TAG, DIRECTORY, Workshop
from tests.support.browser import Browser
from tests.support.servers import wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-07")]

ORIGIN = "http://localhost:8888"
# What answers there, by path: the auth server's routes, the gateway's, and what neither shows to the public.
ROUTES = {
    "/login": 400,
    "/callback/development": 400,
    "/gateway-oauth/userinfo": 401,
    "/loginx": 404,
    "/.well-known/oauth-authorization-server": 200,
    "/mcp": 401,
    "/metrics": 404,
    "/gateway-oauth/metrics": 404,
}
HARDENED = {"CapEff": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"}
BINDS_LOW_PORTS = "0000000000000400"
CONFIGURATION = {
    "auth-server": "/etc/auth-server/oauth2_config.yaml",
    "mcp-gateway": "/etc/mcp-gateway/mcp_gateway.yaml",
}


@dataclass
class Stack:
    """What Compose made of the images, and what a client of it has got."""

    workshop: Workshop
    secrets: Path
    tokens: MemoryTokens = field(default_factory=MemoryTokens)

    def compose(self, *arguments: str) -> str:
        """What `docker-compose` prints."""
        binary = Path(sys.executable).parent / "docker-compose"
        files = ("--env-file", "deploy/compose.env", "--file", "deploy/compose.yaml")
        return self.workshop.run(binary, *files, *arguments, SECRETS=str(self.secrets))

    def is_ready(self) -> bool:
        """Whether the edge leads to a gateway that is ready, and the gateway to an MCP server that listens."""
        try:
            ready = httpx.get(f"{ORIGIN}/health/ready", trust_env=False, timeout=10).status_code == 200
        except httpx.TransportError:
            return False
        command = ["podman", "exec", "authproxy-mcp-gateway-1", "python3", "-c", connecting_to("sample-server", 9000)]
        return ready and self.workshop.attempt(*command).returncode == 0

    def inside(self, service: str, *command: str) -> str:
        """What a command prints in a service's container."""
        return self.workshop.run("podman", "exec", f"authproxy-{service}-1", *command)


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    workshop = Workshop(Path(os.environ[DIRECTORY]))
    workshop.run("ip", "link", "set", "lo", "up")
    started = Stack(workshop, workshop.directory / "secrets")
    compose_secrets.main(started.secrets)
    with workshop.engine(), health_checks(workshop):
        try:
            began = time.monotonic()
            started.compose("up", "--wait", "--pull", "never")
            print(f"\nup and healthy: {time.monotonic() - began:.1f} s")
            wait_until(started.is_ready)
            yield started
        finally:
            if request.session.testsfailed:
                print(started.compose("logs", "--no-color", "--tail", "40"))
            started.compose("down", "--volumes")


@contextmanager
def health_checks(workshop: Workshop) -> Iterator[None]:
    """Do what Podman leaves to systemd's timers: run the images' health checks."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(1):
            for line in workshop.run("podman", "ps", "--format", "{{.ID}} {{.Status}}").splitlines():
                if "(" in line:
                    workshop.attempt("podman", "healthcheck", "run", line.split()[0])

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(20)


async def test_every_process_is_nobody_on_a_root_that_cannot_be_written(stack: Stack) -> None:
    names = stack.workshop.run("podman", "ps", "--format", "{{.Names}}").splitlines()
    assert len(names) == 7
    for name in names:
        process = Path("/proc", stack.workshop.run("podman", "inspect", "--format", "{{.State.Pid}}", name))
        lines = (process / "status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert set(status["Uid"].split()) == {"999" if "redis" in name else "65532"}, name
        expected = HARDENED | {"CapEff": BINDS_LOW_PORTS if "edge" in name else HARDENED["CapEff"]}
        assert {key: status[key] for key in HARDENED} == expected, name
        mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
        assert [mount[5].split(",")[0] for mount in mounts if mount[4] == "/"] == ["ro"], name


@pytest.mark.parametrize(("service", "other"), [("auth-server", "mcp_gateway"), ("mcp-gateway", "auth_server")])
async def test_an_image_has_nothing_of_the_other_service(stack: Stack, service: str, other: str) -> None:
    program = f"import importlib.util as u, os; print(u.find_spec('{other}'), os.listdir('/opt/venv/bin'))"
    found = stack.inside(service, "python3", "-c", program)
    assert found.startswith("None [")
    assert other.replace("_", "-") not in found
    assert "'pip" not in found


async def test_the_edge_has_the_routes_of_both_services(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=ORIGIN, trust_env=False) as http:
        assert {path: (await http.get(path)).status_code for path in ROUTES} == ROUTES


@pytest.mark.parametrize("service", CONFIGURATION)
async def test_a_doctor_inside_finds_nothing(stack: Stack, service: str) -> None:
    report = stack.inside(service, service, "doctor", "--inside", "--config", CONFIGURATION[service])
    assert "passed   redis records" in report


async def test_redis_answers_the_two_services_alone(stack: Stack) -> None:
    assert "NOPERM" in stack.inside("redis", "valkey-cli", "keys", "*")
    command = ["podman", "exec", "authproxy-sample-server-1", "python3", "-c", connecting_to("redis", 6379)]
    refused = stack.workshop.attempt(*command)
    assert refused.returncode == 1
    assert "OSError" in refused.stderr or "gaierror" in refused.stderr or "TimeoutError" in refused.stderr
    assert stack.inside("mcp-gateway", "python3", "-c", connecting_to("redis", 6379)) == ""


async def test_a_client_signs_in_and_calls(stack: Stack) -> None:
    async with Browser() as browser:
        assert await whoami(stack, browser) == "development:alice"
        visited = {url.partition("?")[0] for url in browser.visited}
    assert {url for url in visited if url.startswith("http://localhost:") and not url.startswith(ORIGIN)} == {
        "http://localhost:9400/oauth2/authorize"
    }


async def test_a_restart_of_everything_signs_nobody_out(stack: Stack) -> None:
    stack.compose("restart")
    await anyio.to_thread.run_sync(wait_until, stack.is_ready)
    assert await whoami(stack, None) == "development:alice"


async def test_no_log_has_a_secret(stack: Stack) -> None:
    logs = stack.compose("logs", "--no-color")
    assert '"serving"' in logs
    tokens = stack.tokens.tokens
    assert tokens
    assert tokens.refresh_token
    held = [path.read_text() for path in stack.secrets.rglob("*") if path.is_file()]
    assert [secret for secret in [*held, tokens.access_token, tokens.refresh_token] if secret in logs] == []
    assert "code=" not in logs


@pytest.mark.parametrize("service", CONFIGURATION)
async def test_a_service_needs_no_shell(stack: Stack, service: str) -> None:
    alone = ["podman", "run", "--rm", "--read-only", "--network", "none"]
    assert f"Usage: {service}" in stack.workshop.run(*alone, f"{service}:{BARE_TAG}", "--help")
    shell = stack.workshop.attempt(*alone, "--entrypoint", "sh", f"{service}:{BARE_TAG}", "-c", "true")
    assert shell.returncode == 127


async def test_the_services_end_when_they_are_told_to(stack: Stack) -> None:
    stack.compose("stop")
    for name in ("auth-server", "mcp-gateway", "redis", "edge", "sample-server", "development-provider"):
        format_ = "{{.State.Status}} {{.State.ExitCode}}"
        ended = stack.workshop.run("podman", "inspect", "--format", format_, f"authproxy-{name}-1")
        assert ended in {"exited 0", "exited 143"}, name


def connecting_to(host: str, port: int) -> str:
    """A program that ends with 0 if it can."""
    return f"import socket; socket.create_connection(('{host}', {port}), timeout=2)"


async def whoami(stack: Stack, browser: Browser | None) -> str:
    """Whom the sample server takes the caller for, with a browser to sign in with, or with the tokens there are."""

    async def open_browser(url: str) -> None:
        assert browser, "asked to sign in again"
        await browser.sign_in(url, "alice")

    with anyio.fail_after(60):
        async with connected(f"{ORIGIN}/mcp", open_browser, tokens=stack.tokens) as client:
            counted = await client.call_tool("count", {"upto": 3})
            answer = await client.call_tool("whoami", {})
    assert text(counted) == "counted to 3"
    return text(answer)


def text(result: object) -> str:
    return "".join(getattr(block, "text", "") for block in getattr(result, "content", []))
