"""The official SDK's sessions at an MCP server of two processes, through two gateways that share a Redis."""

import re
import sys
from contextlib import ExitStack

import anyio
import pytest
import redis.asyncio

from tests.support.person import People, call
from tests.support.servers import RedisServer, answers, free_port, running
from tests.support.stack import ROOT, running_stack

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("RS-08", "RS-07")
async def test_sessions_of_the_sdk_survive_at_two_endpoints(own_redis_server: RedisServer, people: People) -> None:
    second = free_port()

    def two_endpoints(config: str) -> str:
        both = f"urls: ['${{MCP_UPSTREAM_URL}}', 'http://127.0.0.1:{second}/mcp']"
        return config.replace("url: ${MCP_UPSTREAM_URL, http://localhost:9000/mcp}", both)

    variables = {"PYTHONPATH": str(ROOT), "SAMPLE_SERVER_PORT": str(second)}
    with ExitStack() as stack:
        command = [sys.executable, "-m", "examples.sample_server"]
        stack.enter_context(running(command, variables, lambda: answers(second), "second upstream"))
        started = stack.enter_context(running_stack({"REDIS_URL": own_redis_server.url}, edit_gateway=two_endpoints))
        with anyio.fail_after(60):
            alice, bob = (
                people("alice").client(started.mcp_url, "legacy"),
                people("bob").client(started.mcp_url, "legacy"),
            )
            async with alice as first, bob as other:
                for _ in range(2):
                    for client, name in ((first, "alice"), (other, "bob")):
                        for _ in range(3):
                            assert await call(client, "whoami") == f"development:{name}"
                    # A gateway that has just been started knows of no session but from Redis. Killed, since it would
                    # wait for open streams otherwise.
                    started.gateway.process.kill()
                    started.restart_gateway()
                places = await session_places(own_redis_server)
    assert {str(second), started.upstream_url.partition("//")[2].partition(":")[2].partition("/")[0]} == places


async def session_places(server: RedisServer) -> set[str]:
    """The ports that sessions are kept for."""
    client = redis.asyncio.Redis.from_url(server.url)
    values = [await client.get(key) async for key in client.scan_iter("mcp-gateway:session:*")]
    await client.aclose()
    return {port for value in values for port in re.findall(r"127\.0\.0\.1:(\d+)/mcp", str(value))}
