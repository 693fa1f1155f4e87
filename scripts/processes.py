"""The processes that `make up` runs: what each is, where it listens, and whether it is ready."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Logs, keys and the lock of one `make up`; another directory is for a second one beside it.
RUN = Path(os.environ.get("AUTHPROXY_RUN_DIRECTORY") or ROOT / ".run")
# What `WITH` may name, for those who want to see it.
ON_REQUEST = frozenset({"edge", "web_app"})


@dataclass(frozen=True)
class Program:
    """One process.

    Args:
        name: As a person reads it.
        ports: By the variable that changes each.
        command: What is run.
        ready_path: Answers 200 when the process is ready, at the first port.
    """

    name: str
    ports: Mapping[str, int]
    command: Sequence[str]
    ready_path: str

    @property
    def log(self) -> Path:
        return RUN / f"{self.name.replace(' ', '-')}.log"

    def start(self, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start it in a session of its own, so that Ctrl-C reaches it through us alone."""
        with self.log.open("wb") as log:
            return subprocess.Popen(
                self.command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def is_ready(self) -> bool:
        port = next(iter(self.ports.values()))
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{self.ready_path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            # An MCP server without credentials or an Accept header refuses, and is there.
            return error.code in {400, 405, 406}
        except OSError:
            return False


def programs(variables: Mapping[str, str]) -> list[Program]:
    """What is run, in the order of starting; last what `WITH` adds."""

    def port(variable: str, default: int) -> int:
        return int(variables.get(variable) or default)

    binaries = Path(sys.executable).parent
    chosen = [
        Program(
            "development provider",
            {"DEVELOPMENT_PROVIDER_PORT": port("DEVELOPMENT_PROVIDER_PORT", 9400)},
            [sys.executable, "-m", "examples.development_provider"],
            "/.well-known/openid-configuration",
        ),
        Program(
            "sample MCP server",
            {"SAMPLE_SERVER_PORT": port("SAMPLE_SERVER_PORT", 9000)},
            [sys.executable, "-m", "examples.sample_server"],
            "/mcp",
        ),
        Program(
            "auth server",
            {
                "OAUTH2_PORT": port("OAUTH2_PORT", 8080),
                "OAUTH2_MANAGEMENT_PORT": port("OAUTH2_MANAGEMENT_PORT", 9464),
            },
            [str(binaries / "auth-server"), "serve", "--config", "config/oauth2_config.yaml"],
            "/health/ready",
        ),
        Program(
            "MCP gateway",
            {"MCP_PORT": port("MCP_PORT", 8090), "MCP_MANAGEMENT_PORT": port("MCP_MANAGEMENT_PORT", 9465)},
            [str(binaries / "mcp-gateway"), "serve", "--config", "config/mcp_gateway.yaml"],
            "/health/ready",
        ),
    ]
    if "web_app" in requested(variables):
        ports = {"EXAMPLE_WEB_APP_PORT": port("EXAMPLE_WEB_APP_PORT", 8000)}
        chosen.append(Program("example web app", ports, [sys.executable, "-m", "examples.web_app"], "/"))
    if "edge" in requested(variables):
        command = [str(binaries / "caddy"), "run", "--config", "deploy/Caddyfile"]
        chosen.append(Program("edge", {"EDGE_PORT": port("EDGE_PORT", 8888)}, command, "/health/ready"))
    return chosen


def requested(variables: Mapping[str, str]) -> set[str]:
    """The names in `WITH`."""
    return set(variables.get("WITH", "").split())


def public_urls(running: Sequence[Program]) -> tuple[str, str]:
    """Where browsers find the auth server, and the gateway: at one origin if there is an edge."""
    ports = _ports(running)
    if edge := ports.get("EDGE_PORT"):
        return f"http://localhost:{edge}", f"http://localhost:{edge}"
    return f"http://localhost:{ports['OAUTH2_PORT']}", f"http://localhost:{ports['MCP_PORT']}"


def environment(running: Sequence[Program], variables: Mapping[str, str]) -> dict[str, str]:
    """What the processes get: development defaults wherever the person set nothing."""
    ports = _ports(running)
    auth_url, gateway_url = public_urls(running)
    defaults = {
        "OAUTH2_DEV_MODE": "true",
        "OAUTH2_HOST": "127.0.0.1",
        "MCP_HOST": "127.0.0.1",
        "OAUTH2_PUBLIC_URL": auth_url,
        "EXTERNAL_AUTH_SERVICE_URL": auth_url,
        "MCP_EXTERNAL_BASE_URL": gateway_url,
        "OAUTH2_ALLOWED_REDIRECT_URI": f"{gateway_url}/oauth/callback",
        "EXTERNAL_AUTH_PROVIDER": "development",
        "DEVELOPMENT_ISSUER": f"http://localhost:{ports['DEVELOPMENT_PROVIDER_PORT']}",
        "DEVELOPMENT_CLIENT_ID": "authproxy",
        "DEVELOPMENT_CLIENT_SECRET": "development",
        "DEVELOPMENT_REDIRECT_URI": f"{auth_url}/callback",
        "MCP_UPSTREAM_URL": f"http://127.0.0.1:{ports['SAMPLE_SERVER_PORT']}/mcp",
        "SAMPLE_SERVER_GATEWAY": gateway_url,
        "SAMPLE_SERVER_AUDIENCE": f"http://127.0.0.1:{ports['SAMPLE_SERVER_PORT']}/mcp",
    }
    if web_app_port := ports.get("EXAMPLE_WEB_APP_PORT"):
        defaults["EXAMPLE_WEB_APP_GATEWAY_URI"] = f"http://localhost:{web_app_port}/callback"
    if "EDGE_PORT" in ports:
        defaults |= _behind_the_edge(ports)
    chosen = {name: value for name, value in variables.items() if value}
    return {**defaults, **ports, **_kept_keys(), **chosen, "PYTHONUNBUFFERED": "1"}


def _behind_the_edge(ports: Mapping[str, str]) -> dict[str, str]:
    """What the edge needs to know of the services, and they of it."""
    return {
        "EDGE_HOST": "127.0.0.1",
        "XDG_DATA_HOME": str(RUN),
        "EDGE_AUTH_SERVER": f"127.0.0.1:{ports['OAUTH2_PORT']}",
        "EDGE_MCP_GATEWAY": f"127.0.0.1:{ports['MCP_PORT']}",
        "INTERNAL_AUTH_SERVICE_URL": f"http://localhost:{ports['OAUTH2_PORT']}",
        "OAUTH2_TRUSTED_PROXIES": "127.0.0.1",
        "MCP_TRUSTED_PROXIES": "127.0.0.1",
    }


def _ports(running: Sequence[Program]) -> dict[str, str]:
    return {name: str(port) for program in running for name, port in program.ports.items()}


def taken_ports(running: Sequence[Program]) -> list[str]:
    """A line for each port that something else listens at."""
    lines = []
    for program in running:
        for variable, port in program.ports.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    lines.append(f"port {port} ({program.name}) is taken; choose another with {variable}=…")
    return lines


def _kept_keys() -> dict[str, str]:
    """Keys that outlive a restart of `make up`, so that MCP clients stay registered."""
    from authproxy_common.records import generate_key  # noqa: PLC0415
    from mcp_gateway.tokens.signing_keys import generate_signing_key  # noqa: PLC0415

    makers = {"MCP_ENCRYPTION_KEYS_FILE": generate_key, "MCP_SIGNING_KEYS_FILE": generate_signing_key}
    for name, make in makers.items():
        path = RUN / name.lower()
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(make().reveal())
    return {name: str(RUN / name.lower()) for name in makers}
