"""Everything that `make up` runs, as processes on free ports: provider, MCP server, auth server, gateway."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from tests.support.servers import Program, answers, free_port, running, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
BINARIES = Path(sys.executable).parent


@dataclass
class Stack:
    """The running programs, and where they are."""

    provider: Program
    upstream: Program
    auth_server: Program
    gateway: Program
    auth_url: str
    gateway_url: str
    start_gateway: Callable[[], Program]
    upstream_url: str

    @property
    def mcp_url(self) -> str:
        return f"{self.gateway_url}/mcp"

    def logs(self) -> str:
        """What both services wrote."""
        return self.auth_server.read_output() + self.gateway.read_output()

    def restart_gateway(self) -> None:
        """Stop it, and start it with the files as they are now."""
        self.gateway.stop()
        self.gateway = self.start_gateway()
        wait_until(partial(answers, int(self.gateway_url.rpartition(":")[2])), self.gateway.failure)


def as_it_is(config: str) -> str:
    """For a configuration file that is fine as it is shipped."""
    return config


@contextlib.contextmanager
def running_stack(
    variables: Mapping[str, str] | None = None,
    edit_auth: Callable[[str], str] = as_it_is,
    edit_gateway: Callable[[str], str] = as_it_is,
    upstream: str = "examples.sample_server",
    provider: str = "examples.development_provider",
) -> Iterator[Stack]:
    """The stack on the shipped configuration files, which `edit_…` may change.

    `upstream` and `provider` are the modules of the MCP server and of the provider.
    """
    ports = {name: free_port() for name in ("provider", "upstream", "auth", "gateway")}
    auth_url, gateway_url = f"http://localhost:{ports['auth']}", f"http://localhost:{ports['gateway']}"
    upstream_url = f"http://127.0.0.1:{ports['upstream']}/mcp"
    environment = {
        **service_variables(auth_url, gateway_url),
        "PYTHONPATH": str(ROOT),
        "DEVELOPMENT_PROVIDER_PORT": str(ports["provider"]),
        "SAMPLE_SERVER_PORT": str(ports["upstream"]),
        "SAMPLE_SERVER_GATEWAY": gateway_url,
        "SAMPLE_SERVER_AUDIENCE": upstream_url,
        "SAMPLE_SERVER_USERINFO": f"http://localhost:{ports['provider']}/userinfo",
        "SAMPLE_SERVER_ISSUER": f"http://localhost:{ports['provider']}",
        "SAMPLE_SERVER_ISSUER_KEYS": f"http://localhost:{ports['provider']}/jwks",
        "OAUTH2_PORT": str(ports["auth"]),
        "DEVELOPMENT_ISSUER": f"http://localhost:{ports['provider']}",
        "DEVELOPMENT_CLIENT_ID": "authproxy",
        "DEVELOPMENT_CLIENT_SECRET": "the-client-secret-of-this-test",
        "DEVELOPMENT_REDIRECT_URI": f"{auth_url}/callback",
        "MCP_PORT": str(ports["gateway"]),
        "MCP_UPSTREAM_URL": upstream_url,
        "EXTERNAL_AUTH_PROVIDER": "development",
        **(variables or {}),
    }
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        auth_config = edited("oauth2_config.yaml", edit_auth, directory)
        gateway_config = edited("mcp_gateway.yaml", edit_gateway, directory)

        def start(name: str, command: list[str]) -> Program:
            return stack.enter_context(running(command, environment, lambda: True, name))

        def start_gateway() -> Program:
            return start("gateway", [str(BINARIES / "mcp-gateway"), "serve", "--config", gateway_config])

        started = Stack(
            provider=start("provider", [sys.executable, "-m", provider]),
            upstream=start("upstream", [sys.executable, "-m", upstream]),
            auth_server=start("auth", [str(BINARIES / "auth-server"), "serve", "--config", auth_config]),
            gateway=start_gateway(),
            auth_url=auth_url,
            gateway_url=gateway_url,
            start_gateway=start_gateway,
            upstream_url=upstream_url,
        )
        for name, program in (
            ("provider", started.provider),
            ("upstream", started.upstream),
            ("auth", started.auth_server),
            ("gateway", started.gateway),
        ):
            wait_until(partial(answers, ports[name]), program.failure)
        yield started


def service_variables(auth_url: str, gateway_url: str) -> dict[str, str]:
    """What both services are told wherever they and the provider listen: who they are, and that this is development."""
    return {
        "OAUTH2_DEV_MODE": "true",
        "OAUTH2_HOST": "127.0.0.1",
        "OAUTH2_MANAGEMENT_PORT": "0",
        "OAUTH2_PUBLIC_URL": auth_url,
        "OAUTH2_ALLOWED_REDIRECT_URI": f"{gateway_url}/oauth/callback",
        "MCP_HOST": "127.0.0.1",
        "MCP_MANAGEMENT_PORT": "0",
        "MCP_EXTERNAL_BASE_URL": gateway_url,
        "EXTERNAL_AUTH_SERVICE_URL": auth_url,
    }


def edited(name: str, edit: Callable[[str], str], directory: Path) -> str:
    """The path of a copy of the shipped configuration file `name`, changed by `edit`."""
    path = directory / name
    path.write_text(edit((ROOT / "config" / name).read_text()))
    return str(path)


def get(url: str) -> httpx.Response:
    """One request, on its own."""
    return httpx.get(url, timeout=10, trust_env=False)
