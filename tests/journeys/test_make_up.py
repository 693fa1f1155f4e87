"""`make up`, `make login` and `make down`, as a newcomer runs them, on other ports."""

import os
import re
import socket
import subprocess
import sys
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
            shown = await login(variables)
        assert "counted to 3" in shown
        assert "development:alice" in shown
        down = script("down", variables)
        assert (down.stdout, down.returncode) == ("stopped\n", 0)
        assert program.process.wait(20) == 0
    assert [port for port in PORTS if answers(int(variables[port]))] == []
    assert script("down", variables).stderr == "nothing is running\n"


async def login(variables: dict[str, str]) -> str:
    """What `make login` shows, with a robot in place of the person at the browser."""
    environment = {"PATH": os.environ["PATH"], **variables}
    command = [sys.executable, "-m", "scripts.login"]
    process = await anyio.open_process(command, cwd=ROOT, env=environment, stderr=subprocess.STDOUT)
    shown, signed_in = "", False
    assert process.stdout
    async with Browser() as browser, process:
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
    assert (result.returncode, result.stderr) == (1, "WITH can add web_app, not web-app\n")
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
