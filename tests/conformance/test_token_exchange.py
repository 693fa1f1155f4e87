"""Tokens exchanged at a certified OpenID provider, from the sign-in of a client to what the MCP server verifies."""

import json
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest
from mcp import MCPError

from tests.conformance.suite import Suite
from tests.support.person import Person, call
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("UP-05")]

SECRET = "a-secret-between-gateway-and-auth-server"
# One that the provider exchanges tokens for, and one that it does not know.
SERVERS = """
    wiki: &exchanging
      url: ${MCP_UPSTREAM_URL}
      credentials: token_exchange
      token_exchange: {audience: wiki, scope: read}
    payroll:
      <<: *exchanging
      token_exchange: {audience: payroll}

  # MCP clients become known"""
GATEWAYS = f"""gateways:
  mcp:
    allowed_redirect_uris: ['${{OAUTH2_ALLOWED_REDIRECT_URI}}']
    client_secret: {SECRET}
    token_exchange: {{development: [wiki, payroll]}}
"""


@pytest.fixture(scope="module")
def stack(suite: Suite) -> Iterator[Stack]:
    def more_servers(config: str) -> str:
        return config.replace("\n  # MCP clients become known", SERVERS)

    def exchanging(config: str) -> str:
        return config.replace("${OAUTH2_ALLOWED_REDIRECT_URI, ", "${NOWHERE, ").replace("gateways: {}\n", GATEWAYS)

    variables = {"EXTERNAL_AUTH_GATEWAY_NAME": "mcp", "EXTERNAL_AUTH_GATEWAY_SECRET": SECRET}
    variables["SAMPLE_SERVER_AUDIENCE"] = "wiki"
    provider = "tests.conformance.openid_provider"
    with running_stack(variables, exchanging, more_servers, provider=provider) as started:
        yield started


@pytest.fixture
async def person() -> AsyncIterator[Person]:
    somebody = Person("alice")
    yield somebody
    await somebody.aclose()


async def test_an_mcp_server_gets_a_token_that_the_provider_made_for_it(stack: Stack, person: Person) -> None:
    with anyio.fail_after(60):
        async with person.client(f"{stack.gateway_url}/wiki/mcp") as client:
            shown = json.loads(await call(client, "credentials"))
            assert await call(client, "whoami") == "alice, says a token for us"
    claims = shown["verified"]
    assert (claims["sub"], claims["aud"], claims["scope"]) == ("alice", "wiki", "read")
    assert stack.logs().count('"event": "token_exchanged"') == 2, "once in the log of either service"


async def test_a_service_that_the_provider_does_not_know_is_an_error_of_ours_and_nobodys_sign_out(
    stack: Stack, person: Person
) -> None:
    with anyio.fail_after(60), pytest.RaisesGroup(MCPError, flatten_subgroups=True):
        async with person.client(f"{stack.gateway_url}/payroll/mcp"):
            pass
    assert person.sign_ins == 1
    assert '"event": "token_exchange_failed"' in stack.auth_server.read_output()
    assert "does not know this service" in stack.auth_server.read_output()
