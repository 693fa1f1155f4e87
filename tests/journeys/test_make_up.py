"""`make up`, `make login` and `make down`, as a newcomer runs them, on other ports."""

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import anyio
import pytest

from tests.support.browser import Browser
from tests.support.servers import answers, free_port, running, wait_until
from tests.support.stack import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-07")]

PORTS = [
    "DEVELOPMENT_PROVIDER_PORT",
    "SAMPLE_SERVER_PORT",
    "OAUTH2_PORT",
    "OAUTH2_MANAGEMENT_PORT",
    "MCP_PORT",
    "MCP_MANAGEMENT_PORT",
    "EXAMPLE_WEB_APP_PORT",
    "EDGE_PORT",
]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    chosen = {name: str(free_port()) for name in PORTS}
    return {**chosen, "AUTHPROXY_RUN_DIRECTORY": str(tmp_path / "run"), "PYTHONPATH": str(ROOT), "BROWSER": "none"}


def script(name: str, variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], **variables}
    command = [sys.executable, "-m", f"scripts.{name}"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


async def test_a_newcomer_signs_in_and_sees_the_answer_of_a_tool(variables: dict[str, str]) -> None:
    with running([sys.executable, "-m", "scripts.up"], variables, lambda: True, "up") as program:
        with anyio.fail_after(60):
            await anyio.to_thread.run_sync(wait_until, lambda: "Ready." in program.read_output(), program.failure)
            said = program.read_output()
            assert f"claude mcp add --transport http demo http://localhost:{variables['MCP_PORT']}/mcp" in said
            async with Browser() as browser:
                shown = await login(variables, browser)
        assert "counted to 3" in shown
        assert "development:alice" in shown
        down = script("down", variables)
        assert (down.stdout, down.returncode) == ("stopped\n", 0)
        assert program.process.wait(20) == 0
    assert [port for port in PORTS if answers(int(variables[port]))] == []
    assert script("down", variables).stderr == "nothing is running\n"


async def test_with_an_edge_the_whole_sign_in_is_at_one_origin(variables: dict[str, str]) -> None:
    variables = {**variables, "WITH": "edge"}
    origin = f"http://localhost:{variables['EDGE_PORT']}"
    with running([sys.executable, "-m", "scripts.up"], variables, lambda: True, "up") as program:
        with anyio.fail_after(60):
            await anyio.to_thread.run_sync(wait_until, lambda: "Ready." in program.read_output(), program.failure)
            assert f"Your MCP server is at {origin}/mcp\n" in program.read_output()
            assert "make login WITH=edge" in program.read_output()
            async with Browser() as browser:
                assert "development:alice" in await login(variables, browser)
        assert script("down", variables).stdout == "stopped\n"
    provider = f"http://localhost:{variables['DEVELOPMENT_PROVIDER_PORT']}/"
    ours = {url.partition("?")[0] for url in browser.visited if not url.startswith((provider, "http://127.0.0.1"))}
    assert ours == {
        f"{origin}{path}" for path in ("/oauth/authorize", "/oauth/consent", "/login", "/callback", "/oauth/callback")
    }
    assert [port for port in PORTS if answers(int(variables[port]))] == []


@pytest.mark.parametrize("key", [b"\x03", b"\x03\x03", b""], ids=["Ctrl-C", "Ctrl-C twice", "closing the terminal"])
def test_no_process_outlives_the_terminal(variables: dict[str, str], key: bytes) -> None:
    variables = {**variables, "WITH": "edge web_app", "TERM": "dumb"}
    with terminal(f"make -o install BIN={Path(sys.executable).parent} up", variables) as (pid, screen):
        shown = ""
        while "Ready." not in shown:
            shown += (screen.read(4096) or b"").decode()
        started = descendants(pid)
        assert len(started) >= 2 + 6, shown
        if key:
            screen.write(key)
        else:
            screen.close()
        try:
            wait_until(lambda: not any(map(is_alive, started)))
        finally:
            for each in filter(is_alive, started):
                os.kill(each, signal.SIGKILL)
    assert [port for port in PORTS if answers(int(variables[port]))] == []


@contextlib.contextmanager
def terminal(command: str, variables: dict[str, str]) -> Iterator[tuple[int, FileIO]]:
    """A shell in a terminal of its own, where `command` runs; yields its pid, and what reads the screen and types."""
    descriptor, tty = pty.openpty()
    # A leader of a session gets the terminal that it opens first; who runs the tests may have chosen to ignore SIGHUP.
    script = f"exec <{os.ttyname(tty)} >{os.ttyname(tty)} 2>&1; {command}; exit"
    shell = ["env", "--default-signal=HUP", "sh", "-c", script]
    environment = {"PATH": os.environ["PATH"], **variables}
    process = subprocess.Popen(shell, cwd=ROOT, env=environment, start_new_session=True)
    try:
        # Ours, so that reading the screen ends once nobody shows anything any more; opened by the shell before that.
        wait_until(lambda: Path(f"/proc/{process.pid}/fd/2").resolve() == Path(os.ttyname(tty)))
        os.close(tty)
        with FileIO(descriptor, "r+") as screen:
            yield process.pid, screen
    finally:
        process.terminate()
        process.wait(20)


def descendants(pid: int) -> set[int]:
    """The processes that `pid` started, and those that they started."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.stdout.splitlines())}
    found, unvisited = set(), {pid}
    while unvisited:
        found |= unvisited
        unvisited = {child for child, parent in parents.items() if parent in unvisited}
    return found - {pid}


def is_alive(pid: int) -> bool:
    """Whether it runs: one that has ended stays listed until its parent asks for it."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()[:1] not in {"", "Z"}


async def login(variables: dict[str, str], browser: Browser) -> str:
    """What `make login` shows, with a robot in place of the person at the browser."""
    environment = {"PATH": os.environ["PATH"], **variables}
    command = [sys.executable, "-m", "scripts.login"]
    process = await anyio.open_process(command, cwd=ROOT, env=environment, stderr=subprocess.STDOUT)
    shown, signed_in = "", False
    assert process.stdout
    async with process:
        async for piece in process.stdout:
            shown += piece.decode()
            if not signed_in and (url := re.search(r"http://\S+/oauth/authorize\S+", shown)):
                signed_in = True
                await browser.sign_in(url.group(), "alice")
    return shown


async def test_the_example_web_app_is_there_on_request(variables: dict[str, str]) -> None:
    variables = {**variables, "WITH": "web_app"}
    url = f"http://localhost:{variables['EXAMPLE_WEB_APP_PORT']}/"
    with running([sys.executable, "-m", "scripts.up"], variables, lambda: True, "up") as program:
        with anyio.fail_after(60):
            await anyio.to_thread.run_sync(wait_until, lambda: "Ready." in program.read_output(), program.failure)
            assert f"In a web app:       {url}" in program.read_output()
            async with Browser() as browser:
                assert "Nobody is signed in" in (await browser.open(url)).text
                assert "Signed in as development:alice" in (await browser.sign_in(f"{url}login")).text
        assert script("down", variables).stdout == "stopped\n"
    assert [port for port in PORTS if answers(int(variables[port]))] == []


def test_what_cannot_be_added_is_said_before_anything_starts(variables: dict[str, str]) -> None:
    result = script("up", {**variables, "WITH": "web-app"})
    assert (result.returncode, result.stderr) == (1, "WITH can add edge, web_app, not web-app\n")
    assert result.stdout == ""


def test_ports_that_are_taken_are_named_before_anything_starts(variables: dict[str, str]) -> None:
    with socket.socket() as one, socket.socket() as other:
        for taken, name in ((one, "MCP_PORT"), (other, "OAUTH2_PORT")):
            taken.bind(("127.0.0.1", int(variables[name])))
            taken.listen()
        result = script("up", variables)
    assert result.returncode == 1
    assert f"port {variables['MCP_PORT']} (MCP gateway) is taken; choose another with MCP_PORT=" in result.stderr
    assert f"port {variables['OAUTH2_PORT']} (auth server) is taken" in result.stderr
    assert "starting" not in result.stdout


def test_a_configuration_that_is_wrong_stops_everything_and_says_why(variables: dict[str, str]) -> None:
    result = script("up", {**variables, "REDIS_URL": "postgres://localhost"})
    assert result.returncode == 1
    assert "auth server ended with exit code 1" in result.stderr
    assert "redis_url: must begin with one of redis://" in result.stderr
    assert [port for port in PORTS if answers(int(variables[port]))] == []
