"""The official TypeScript SDK as the client, which many editors and tools are built on."""

from collections.abc import AsyncIterator, Iterator

import anyio
import pytest

from tests.conformance.suite import Suite
from tests.conformance.typescript import TypeScriptClientFailed, typescript_client
from tests.support.person import Person
from tests.support.servers import RedisServer
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.anyio

FIRST, SECOND = "@modelcontextprotocol/sdk", "@modelcontextprotocol/client"
CLIENTS = [
    pytest.param(FIRST, "legacy", id="first generation"),
    pytest.param(SECOND, "legacy", id="second generation, 2025"),
    pytest.param(SECOND, "auto", id="second generation, 2026"),
]


@pytest.fixture(scope="module")
def stack(suite: Suite, redis_server: RedisServer) -> Iterator[Stack]:
    """One whose tokens live shorter than it takes to count to 80, and whose grants outlive the gateway."""

    def short_lived(config: str) -> str:
        return config.replace("access_token_ttl_seconds: 600", "access_token_ttl_seconds: 3")

    with running_stack({"REDIS_URL": redis_server.url}, edit_gateway=short_lived) as started:
        yield started


@pytest.fixture
async def person() -> AsyncIterator[Person]:
    somebody = Person("alice")
    yield somebody
    await somebody.aclose()


@pytest.mark.requirement("DI-01", "DI-02", "CL-03", "TK-02", "TK-06", "RS-07")
@pytest.mark.parametrize(("package", "mode"), CLIENTS)
async def test_it_signs_in_refreshes_and_signs_in_again_when_consent_was_withdrawn(
    suite: Suite, stack: Stack, person: Person, package: str, mode: str
) -> None:
    with anyio.fail_after(60):
        async with typescript_client(suite, package, mode, stack.mcp_url, person) as client:
            assert await client.call("whoami") == "development:alice"
            assert await client.call("count", upto=80) == "counted to 80"
            assert await client.call("whoami") == "development:alice"
            assert "tokens_refreshed" in stack.logs()
            assert person.sign_ins == 1
            await withdraw_consent(stack, person)
            # It outlasts what a replica may remember for a second.
            assert await client.call("count", upto=80) == "counted to 80"
            assert await client.call("whoami") == "development:alice"
    assert person.sign_ins == 2


@pytest.mark.requirement("CL-07", "TK-02")
async def test_its_sign_in_outlives_the_gateway(suite: Suite, stack: Stack, person: Person) -> None:
    with anyio.fail_after(60):
        async with typescript_client(suite, SECOND, "auto", stack.mcp_url, person) as client:
            stack.gateway.process.kill()
            await anyio.to_thread.run_sync(stack.restart_gateway)
            assert await client.call("whoami") == "development:alice"
    assert person.sign_ins == 1


@pytest.mark.requirement("AZ-01", "AZ-07")
@pytest.mark.parametrize(("package", "mode"), CLIENTS)
async def test_who_denies_leaves_it_with_access_denied(
    suite: Suite, stack: Stack, person: Person, package: str, mode: str
) -> None:
    person.denies = True
    with anyio.fail_after(30), pytest.raises(TypeScriptClientFailed, match="access_denied"):
        async with typescript_client(suite, package, mode, stack.mcp_url, person):
            pass


async def withdraw_consent(stack: Stack, person: Person) -> None:
    """As on the page of what was allowed."""
    page = await person.browser.open(f"{stack.gateway_url}/account/consents")
    page = await person.browser.submit(page, {})
    assert page.forms == []
