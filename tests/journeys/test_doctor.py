"""Both doctors, as an operator calls them beside the running stack: everything is as it should be, until it is not."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from authproxy_common.records import generate_key
from mcp_gateway.tokens.signing_keys import generate_signing_key
from tests.support.servers import Program, RedisServer
from tests.support.stack import BINARIES, ROOT, running_stack

pytestmark = pytest.mark.requirement("OP-10", "OP-02")

CONFIG = {"auth-server": "oauth2_config.yaml", "mcp-gateway": "mcp_gateway.yaml"}


def doctor(service: str, beside: Program, *options: str) -> "subprocess.CompletedProcess[str]":
    """The service's doctor, with the variables that the running service has."""
    lines = Path(f"/proc/{beside.process.pid}/environ").read_text(encoding="utf-8").split("\0")
    environment = dict(line.split("=", 1) for line in lines if line)
    command = [str(BINARIES / service), "doctor", "--config", str(ROOT / "config" / CONFIG[service]), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_beside_a_running_stack_everything_passes_and_what_breaks_is_named(own_redis_server: RedisServer) -> None:
    secrets = {
        "OAUTH2_ENCRYPTION_KEYS": generate_key().reveal(),
        "MCP_ENCRYPTION_KEYS": generate_key().reveal(),
        "MCP_SIGNING_KEYS": generate_signing_key().reveal(),
    }
    with running_stack({"REDIS_URL": own_redis_server.url, **secrets}) as stack:
        asked = [("auth-server", stack.auth_server), ("mcp-gateway", stack.gateway)]
        for service, program in asked:
            result = doctor(service, program, "--json")
            assert result.returncode == 0, result.stdout
            report: dict[str, Any] = json.loads(result.stdout)
            assert (report["service"], report["healthy"]) == (service, True)
            others = {check["name"]: check for check in report["checks"] if check["outcome"] != "passed"}
            # No client's host is named, and none is called.
            assert set(others) == ({"client metadata"} if service == "mcp-gateway" else set())
            assert report["request_id"] in stack.auth_server.read_output()
            said = result.stdout + result.stderr
            lines = [line for secret in secrets.values() for line in secret.splitlines() if len(line) > 40]
            assert not [line for line in lines if line in said]
        own_redis_server.stop()
        stack.upstream.stop()
        stack.provider.stop()
        failures = {
            "auth-server": {"redis", "provider development metadata"},
            "mcp-gateway": {"redis", "MCP server default"},
        }
        for service, program in asked:
            result = doctor(service, program)
            assert result.returncode == 1
            failed = {line[9:].partition(":")[0] for line in result.stdout.splitlines() if line.startswith("failed")}
            assert failed >= failures[service]
