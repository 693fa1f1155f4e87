"""The official SDK at a real MCP server behind a policy: what is listed, what is called, and how a scope is fetched."""

from collections.abc import Iterator

import anyio
import pytest
from mcp import MCPError
from mcp.client.client import Client, ConnectMode

from examples.mcp_client import SignInFailed
from tests.support.person import People, call
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("PO-02", "PO-03", "RS-05", "RS-07")]

ERAS: list[ConnectMode] = ["auto", "legacy"]
POLICY = """\
      allow: {claims: {sub: [alice, bob]}}
      tools:
        include_tools: [search, "get_*", "/(create|delete)_.*/"]
        exclude_tools: [get_secret]
        restricted:
          "create_*": {required_scopes: [pages.write]}
          "delete_*": {allow: {claims: {sub: [bob]}}}
      scopes:
        pages.write: {description: Write pages, allow: {claims: {sub: [alice]}}}
"""


def with_policy(config: str) -> str:
    assert config.count("      scopes:\n") == 1
    return config.replace("      scopes:\n", POLICY)


@pytest.fixture(scope="module", params=["no", "yes"], ids=["event streams", "JSON"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    variables = {"JSON_RESPONSE": request.param}
    with running_stack(variables, edit_gateway=with_policy, upstream="tests.support.pages_server") as started:
        yield started


async def listed(client: Client) -> list[str]:
    return sorted(tool.name for tool in (await client.list_tools()).tools)


async def refusal(client: Client, tool: str) -> str:
    with pytest.raises(MCPError) as refused:
        await client.call_tool(tool, {})
    return refused.value.error.message


@pytest.mark.parametrize("mode", ERAS)
async def test_a_person_sees_and_calls_what_is_theirs(stack: Stack, people: People, mode: ConnectMode) -> None:
    with anyio.fail_after(60):
        async with people("bob").client(stack.mcp_url, mode) as client:
            assert await listed(client) == ["delete_space", "get_page", "search"]
            assert await call(client, "search", words="x") == "found x"
            assert await call(client, "delete_space") == "deleted"
            assert await refusal(client, "get_secret") == "this gateway does not offer this tool"
            # No scope is asked for that bob may not have.
            assert "may not be granted" in await refusal(client, "create_page")


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_that_lacks_a_scope_signs_in_for_it_and_calls_again(
    stack: Stack, people: People, mode: ConnectMode
) -> None:
    alice = people("alice")
    with anyio.fail_after(60):
        async with alice.client(stack.mcp_url, mode) as client:
            assert await listed(client) == ["get_page", "search"]
            assert alice.tokens.tokens is not None
            assert (alice.sign_ins, alice.tokens.tokens.scope) == (1, "mcp")
            assert await call(client, "create_page", name="x") == "created x"
            assert (alice.sign_ins, set((alice.tokens.tokens.scope or "").split())) == (2, {"mcp", "pages.write"})
            assert await listed(client) == ["create_page", "get_page", "search"]
            assert await refusal(client, "delete_space") == "this account may not call this tool"


@pytest.mark.requirement("PO-01")
@pytest.mark.parametrize("mode", ERAS)
async def test_whom_the_server_does_not_let_in_reads_why(stack: Stack, people: People, mode: ConnectMode) -> None:
    with anyio.fail_after(60), pytest.raises(BaseExceptionGroup) as failed:
        async with people("eve").client(stack.mcp_url, mode):
            pass
    reason = failed.value.subgroup(SignInFailed)
    assert reason is not None
    assert "access_denied: this account may not use this MCP server" in str(list(leaves(reason)))


def leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error
