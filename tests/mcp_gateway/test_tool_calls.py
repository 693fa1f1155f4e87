"""Calls under a policy, through the whole gateway: what passes, and what a client is told of what does not."""

from typing import Any

import pytest

from tests.support.callers import server_settings
from tests.support.gateway import GATEWAY, World

pytestmark = pytest.mark.anyio

METADATA = f"{GATEWAY}/.well-known/oauth-protected-resource/mcp"
POLICY: dict[str, Any] = {
    "scopes": {
        "mcp": "Use",
        "write": "Change pages",
        "admin": {"description": "Rule", "allow": {"groups": ["admins"]}},
    },
    "tools": {
        "exclude_tools": ["get_secret"],
        "restricted": {
            "create_*": {"required_scopes": ["write"]},
            "delete_*": {"required_scopes": ["admin"]},
            "pay": {"allow": {"groups": ["finance"]}},
        },
    },
}


def call(name: str, message_id: Any = 7, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message_id, "method": "tools/call", "params": {"name": name, **params}}


async def signed_in(scope: str = "mcp", policy: Any = None, **claims: Any) -> tuple[World, str]:
    world = World(servers={"default": server_settings(**(POLICY if policy is None else policy))})
    world.auth.claims = claims
    tokens = await world.tokens(await world.register(), scope=scope)
    return world, tokens["access_token"]


@pytest.mark.requirement("PO-02", "RS-07")
async def test_a_call_that_is_permitted_passes_unchanged_to_the_last_space() -> None:
    world, token = await signed_in()
    body = b'{ "jsonrpc":"2.0",  "id":1,"method":"tools/call" ,"params":{"name":"search","arguments":{"x":1.50}}}\n'
    answer = await world.call(token, json=None, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert world.upstream.bodies == [body]


@pytest.mark.requirement("PO-02", "RS-05", "DI-01")
async def test_a_call_that_lacks_a_scope_is_told_all_that_it_needs() -> None:
    world, token = await signed_in()
    answer = await world.call(token, json=call("create_page"))
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", error_description="the access token lacks a scope that this tool needs", '
        f'resource_metadata="{METADATA}", scope="mcp write"'
    )
    assert answer.json() == {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {
            "code": 403,
            "message": "the access token lacks a scope that this tool needs",
            "data": {"error": "insufficient_scope", "request_id": answer.headers["x-request-id"]},
        },
    }
    assert world.upstream.received == []


@pytest.mark.requirement("PO-02", "RS-05")
async def test_with_the_scope_that_was_asked_for_it_passes() -> None:
    world, token = await signed_in("mcp write")
    assert (await world.call(token, json=call("create_page"))).status_code == 200
    assert len(world.upstream.received) == 1


DENIED: list[Any] = [
    pytest.param("get_secret", "this gateway does not offer this tool", id="excluded"),
    pytest.param("delete_space", "this account may not be granted what this tool asks for", id="a scope out of reach"),
    pytest.param("pay", "this account may not call this tool", id="for others"),
]


@pytest.mark.requirement("PO-02")
@pytest.mark.parametrize(("tool", "reason"), DENIED)
async def test_a_call_that_no_scope_would_help_is_told_why_and_asked_for_none(tool: str, reason: str) -> None:
    world, token = await signed_in("mcp write admin", groups=["staff"])
    answer = await world.call(token, json=call(tool, "of-a-client"))
    assert (answer.status_code, "www-authenticate" in answer.headers) == (403, False)
    error = answer.json()["error"]
    assert (answer.json()["id"], error["code"], error["message"]) == ("of-a-client", 403, reason)
    assert error["data"]["error"] == "access_denied"
    assert world.upstream.received == []


@pytest.mark.requirement("PO-02")
async def test_people_of_the_right_groups_call_what_is_theirs() -> None:
    world, token = await signed_in("mcp admin", groups=["admins", "finance"])
    for tool in ("delete_space", "pay"):
        assert (await world.call(token, json=call(tool))).status_code == 200


@pytest.mark.requirement("PO-02")
@pytest.mark.parametrize("position", [0, 1, 2])
async def test_one_message_of_a_batch_that_is_denied_denies_all(position: int) -> None:
    world, token = await signed_in()
    batch = [call("search", 1), {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    batch.insert(position, call("get_secret", 9))
    answer = await world.call(token, json=batch)
    assert (answer.status_code, answer.json()["id"]) == (403, 9)
    assert world.upstream.received == []
    assert (await world.call(token, json=[call("search", 1), call("search", 2)])).status_code == 200


@pytest.mark.requirement("PO-02")
async def test_a_notification_calls_no_tool_either() -> None:
    world, token = await signed_in()
    notification = {name: value for name, value in call("get_secret").items() if name != "id"}
    answer = await world.call(token, json=notification)
    assert (answer.status_code, answer.json()["id"]) == (403, None)
    assert world.upstream.received == []


@pytest.mark.requirement("PO-01", "PO-02")
async def test_a_server_that_lets_somebody_in_no_more_says_so_at_calls() -> None:
    world, token = await signed_in(policy={"allow": {"groups": ["staff"]}}, groups=["staff"])
    assert (await world.call(token, json=call("x"))).status_code == 200
    world.restart(default=server_settings(allow={"groups": ["admins"]}))
    answer = await world.call(token, json=call("x"))
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        403,
        "this account may not use this MCP server",
    )
    assert "www-authenticate" not in answer.headers
    assert len(world.upstream.received) == 1


@pytest.mark.requirement("PO-01")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_who_is_not_let_in_opens_no_stream_and_ends_no_session(method: str) -> None:
    world, token = await signed_in(policy={"allow": {"groups": ["staff"]}}, groups=["staff"])
    world.restart(default=server_settings(allow={"groups": ["admins"]}))
    headers = {"Authorization": f"Bearer {token}", "Mcp-Session-Id": "s-1"}
    answer = await world.http.request(method, f"{GATEWAY}/mcp", headers=headers)
    assert (answer.status_code, world.upstream.received) == (403, [])


@pytest.mark.requirement("PO-05", "RS-07")
@pytest.mark.parametrize("policy", [{}, {"allow": {"groups": ["staff"]}}], ids=["no policy", "people alone"])
async def test_where_no_policy_asks_for_it_no_message_is_read(policy: dict[str, Any]) -> None:
    world, token = await signed_in(policy=policy, groups=["staff"])
    headers = {"Accept-Encoding": "gzip", "Mcp-Method": "x", "Content-Type": "text/plain; charset=utf-7"}
    answer = await world.call(token, json=None, content=b"\xff\x00 no JSON", headers=headers)
    assert answer.status_code == 200
    assert world.upstream.bodies == [b"\xff\x00 no JSON"]
    assert world.upstream.received[0].headers["accept-encoding"] == "gzip"
