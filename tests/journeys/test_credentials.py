"""What the sample MCP server learns in each way of telling, with real processes and somebody else's JOSE library."""

import json
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from mcp import Client

from tests.support.person import People, call
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.anyio

# Beside `default`, which is told who calls; all of them are one process.
SERVERS = """
    silent: {url: "${MCP_UPSTREAM_URL}", credentials: none}
    bearer: {url: "${MCP_UPSTREAM_URL}", credentials: provider_token}
    keyed:
      url: ${MCP_UPSTREAM_URL}
      credentials: static
      static_headers: {X-Api-Key: "${SAMPLE_KEY}"}
      forward_headers: [X-Tenant]

  # MCP clients become known"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    def more_servers(config: str) -> str:
        return config.replace("\n  # MCP clients become known", SERVERS)

    with running_stack({"SAMPLE_KEY": "hunter2-hunter2"}, edit_gateway=more_servers) as started:
        yield started


async def told(client: Client) -> dict[str, Any]:
    """What the server shows of the call."""
    shown: dict[str, Any] = json.loads(await call(client, "credentials"))
    shown["headers"].pop("x-request-id")
    return shown


@pytest.mark.requirement("UP-01", "UP-03")
async def test_an_assertion_verifies_with_the_published_keys_and_another_jose_library(
    stack: Stack, people: People
) -> None:
    with anyio.fail_after(30):
        async with people("alice").client(stack.mcp_url) as client:
            shown = await told(client)
            assert await call(client, "whoami") == "development:alice"
    claims = shown["verified"]
    assert (claims["iss"], claims["aud"], claims["sub"]) == (stack.gateway_url, stack.upstream_url, "development:alice")
    assert claims["exp"] - claims["iat"] == 60
    assert shown["headers"].keys() == {"x-forwarded-user", "x-forwarded-jwt-assertion"}


@pytest.mark.requirement("UP-04")
async def test_a_token_of_the_provider_opens_the_provider(stack: Stack, people: People) -> None:
    with anyio.fail_after(30):
        async with people("alice").client(f"{stack.gateway_url}/bearer/mcp") as client:
            assert (await told(client))["headers"].keys() == {"authorization"}
            assert await call(client, "whoami") == "alice, says the provider"


@pytest.mark.requirement("UP-06")
async def test_a_fixed_header_comes_with_every_call(stack: Stack, people: People) -> None:
    with anyio.fail_after(30):
        async with people("alice").client(f"{stack.gateway_url}/keyed/mcp") as client:
            shown = await told(client)
            assert await call(client, "whoami") == "nobody said who you are"
    assert shown["headers"].keys() == {"x-api-key"}
    assert "hunter2" not in str(shown) + stack.logs()


@pytest.mark.requirement("UP-01")
async def test_a_server_that_is_told_nothing_learns_nothing(stack: Stack, people: People) -> None:
    with anyio.fail_after(30):
        async with people("alice").client(f"{stack.gateway_url}/silent/mcp") as client:
            assert await told(client) == {"headers": {}, "verified": None}
            assert await call(client, "whoami") == "nobody said who you are"
