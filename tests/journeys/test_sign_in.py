"""The whole way, with the official MCP SDK as the client, a real OpenID provider, and real processes between them."""

import anyio
import pytest
from mcp.client.client import ConnectMode

from examples.mcp_client import SignInFailed
from tests.support.person import People, call
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.anyio

# The SDK negotiates 2026-07-28 by itself; `legacy` is the handshake, sessions and GET stream of 2025.
ERAS: list[ConnectMode] = ["auto", "legacy"]


@pytest.mark.requirement("DI-01", "DI-02", "DI-03", "CL-03", "AZ-07", "TK-04", "RS-07", "BR-01", "BR-02")
@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_that_knows_a_url_alone_signs_in_and_calls_a_tool(
    stack: Stack, people: People, mode: ConnectMode
) -> None:
    person = people("alice")
    with anyio.fail_after(30):
        async with person.client(stack.mcp_url, mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["whoami", "credentials", "count"]
            assert await call(client, "whoami") == "development:alice"
    assert person.sign_ins == 1


@pytest.mark.requirement("RS-06", "RS-07")
@pytest.mark.parametrize("mode", ERAS)
async def test_progress_arrives_while_the_tool_is_at_work(stack: Stack, people: People, mode: ConnectMode) -> None:
    seen: list[float] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    with anyio.fail_after(30):
        async with people().client(stack.mcp_url, mode) as client:
            assert await call(client, "count", progress, upto=5) == "counted to 5"
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.requirement("RS-03", "TK-04")
async def test_two_people_at_one_gateway_are_told_apart(stack: Stack, people: People) -> None:
    with anyio.fail_after(30):
        async with people("alice").client(stack.mcp_url) as alice, people("bob").client(stack.mcp_url) as bob:
            assert await call(alice, "whoami") == "development:alice"
            assert await call(bob, "whoami") == "development:bob"


@pytest.mark.requirement("AZ-01", "AZ-07", "OP-04")
async def test_who_denies_at_the_provider_leaves_the_client_with_access_denied(stack: Stack, people: People) -> None:
    person = people(denies=True)
    with anyio.fail_after(30), pytest.RaisesGroup(SignInFailed, flatten_subgroups=True) as refused:
        async with person.client(stack.mcp_url):
            pass
    assert "access_denied" in str(refused.value.exceptions)


@pytest.mark.requirement("TK-02")
async def test_a_session_longer_than_its_token_is_refreshed_by_the_sdk_without_the_person(people: People) -> None:
    def short_lived(config: str) -> str:
        return config.replace("access_token_ttl_seconds: 600", "access_token_ttl_seconds: 3")

    person = people()
    with running_stack(edit_gateway=short_lived) as stack, anyio.fail_after(40):
        async with person.client(stack.mcp_url) as client:
            first = person.tokens.tokens
            assert await call(client, "count", upto=80) == "counted to 80"
            assert await call(client, "whoami") == "development:alice"
            second = person.tokens.tokens
    assert first
    assert second
    assert first.refresh_token != second.refresh_token
    assert person.sign_ins == 1


@pytest.mark.requirement("AZ-04", "AZ-06", "BR-06")
async def test_a_browser_signs_in_at_several_tabs(stack: Stack, people: People) -> None:
    person = people("alice")
    with anyio.fail_after(30):
        for _ in range(2):
            person.tokens.tokens = None
            async with person.client(stack.mcp_url) as client:
                assert await call(client, "whoami") == "development:alice"
    assert person.sign_ins == 2
