"""The official SDK's sessions at an MCP server of two processes, through two gateways that share a Redis."""

import sys
from contextlib import ExitStack

import anyio
import pytest
from mcp import Client, MCPError

from tests.support.person import People, call
from tests.support.servers import RedisServer, answers, free_port, running
from tests.support.stack import ROOT, running_stack

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("RS-08", "RS-07")
async def test_sessions_of_the_sdk_survive_at_two_endpoints(redis_server: RedisServer, people: People) -> None:
    second = free_port()

    def two_endpoints(config: str) -> str:
        both = f"urls: ['${{MCP_UPSTREAM_URL}}', 'http://127.0.0.1:{second}/mcp']"
        return config.replace("url: ${MCP_UPSTREAM_URL, http://localhost:9000/mcp}", both)

    variables = {"PYTHONPATH": str(ROOT), "SAMPLE_SERVER_PORT": str(second)}
    with ExitStack() as stack:
        command = [sys.executable, "-m", "examples.sample_server"]
        other = stack.enter_context(running(command, variables, lambda: answers(second), "second upstream"))
        started = stack.enter_context(running_stack({"REDIS_URL": redis_server.url}, edit_gateway=two_endpoints))
        with anyio.fail_after(60):
            alice, bob = (
                people("alice").client(started.mcp_url, "legacy"),
                people("bob").client(started.mcp_url, "legacy"),
            )
            async with alice as at_one, bob as at_another:
                for client, name in 2 * [(at_one, "alice"), (at_another, "bob")]:
                    for _ in range(3):
                        assert await call(client, "whoami") == f"development:{name}"
                    # Another gateway that never heard of these sessions. Killed, for it would wait for open streams.
                    started.gateway.process.kill()
                    started.restart_gateway()
                other.process.kill()
                outcomes = [await outcome(client) for client in (at_one, at_another)]
    assert sorted(outcomes) == [False, True], "both sessions were at the same endpoint"


async def outcome(client: Client) -> bool:
    """Whether the client's session is still there."""
    try:
        await call(client, "whoami")
    except MCPError:
        return False
    return True
