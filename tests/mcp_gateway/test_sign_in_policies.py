"""Access policies at sign-in and at refresh: who gets a code, which scopes, and when a grant ends."""

from datetime import timedelta
from typing import Any

import pytest
import structlog
from joserfc import jwt

from authproxy_common.records import open_store
from authproxy_common.secret import Secret
from tests.support.callers import server_settings
from tests.support.clock import MovableClock
from tests.support.gateway import GATEWAY, ClientApp, World
from tests.support.observed_store import ObservedStore

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("PO-01")]

STAFF = {"allow": {"groups": ["staff"]}}
SCOPES: dict[str, Any] = {
    "scopes": {"read": "Read", "write": {"description": "Write", "allow": {"groups": ["editors"]}}, "more": "More"},
    "required_scopes": ["read"],
}


def world_of(written: dict[str, Any], store: ObservedStore | None = None, **claims: Any) -> World:
    world = World(store, servers={"default": server_settings(**written)})
    world.auth.claims = claims
    return world


async def refreshed(world: World, client: ClientApp, tokens: dict[str, Any], **changed: str) -> tuple[int, Any]:
    """A refresh at which the provider is asked, and says what it says now."""
    world.clock.advance(timedelta(hours=2))
    answer = await world.token(client.refresh_form(tokens["refresh_token"], **changed))
    return answer.status_code, answer.json()


async def test_a_server_without_scopes_is_for_everybody_who_signs_in() -> None:
    world = world_of({"scopes": {}})
    client = await world.register()
    tokens = await world.tokens(client)
    assert (await world.call(tokens["access_token"])).status_code == 200
    assert (await refreshed(world, client, tokens))[0] == 200


@pytest.mark.requirement("AZ-01", "AZ-07")
async def test_whom_the_server_does_not_let_in_the_client_hears_so_with_a_reason() -> None:
    world = world_of(STAFF, groups=["guests"])
    client = await world.register()
    answer = await world.authorize(client)
    assert answer == {
        "error": "access_denied",
        "error_description": "this account may not use this MCP server",
        "state": client.state,
        "iss": GATEWAY,
    }
    assert world.auth.exchanges == 1
    assert world.auth.revoked == []


@pytest.mark.requirement("OP-02", "OP-03")
async def test_the_log_says_what_was_not_met_and_nothing_of_what_the_provider_says() -> None:
    world = world_of({"allow": {"groups": ["staff"], "emails": ["bob@example.com"]}}, groups=["bowling-club"])
    with structlog.testing.capture_logs() as logged:
        await world.authorize(await world.register())
    (event,) = [each for each in logged if each["event"] == "person_not_allowed"]
    assert (event["unmet"], event["withheld"]) == (["emails", "groups"], [])
    assert not [word for word in ("alice", "bob@example.com", "bowling-club", "staff") if word in str(logged)]


async def test_whom_it_lets_in_calls_it() -> None:
    world = world_of(STAFF, groups=["guests", "staff"])
    tokens = await world.tokens(await world.register())
    assert (await world.call(tokens["access_token"])).status_code == 200


async def test_each_server_lets_in_its_own_people() -> None:
    world = World(servers={"default": server_settings(**STAFF), "wiki": server_settings()})
    world.auth.claims = {"groups": ["guests"]}
    client = await world.register()
    assert (await world.authorize(client))["error"] == "access_denied"
    tokens = await world.tokens(client, resource=f"{GATEWAY}/wiki/mcp")
    assert (await world.call(tokens["access_token"], "/wiki/mcp")).status_code == 200


@pytest.mark.parametrize(
    ("groups", "asked", "granted"),
    [
        pytest.param(["editors"], "read write", "read write", id="all that was asked"),
        pytest.param(["editors"], None, "read write more", id="all that there is"),
        pytest.param(["staff"], "read write", "read", id="without the one that is not theirs"),
        pytest.param(["staff"], None, "read more", id="all that is theirs"),
    ],
)
@pytest.mark.requirement("TK-03")
async def test_a_scope_that_a_person_may_not_have_is_not_granted_and_the_answer_says_so(
    groups: list[str], asked: str | None, granted: str
) -> None:
    world = world_of(SCOPES, groups=groups)
    tokens = await world.tokens(await world.register(), scope=asked)
    claims = jwt.decode(tokens["access_token"], world.signing_keys.ring, algorithms=["ES256"]).claims
    assert (tokens["scope"], claims["scope"]) == (granted, granted)


@pytest.mark.parametrize(
    ("required", "asked"),
    [
        pytest.param(["read"], "write", id="nothing is left"),
        pytest.param(["write"], "read write", id="every call would be refused"),
    ],
)
async def test_a_person_for_whom_no_call_could_succeed_is_not_signed_in(required: list[str], asked: str) -> None:
    world = world_of({**SCOPES, "required_scopes": required}, groups=["staff"])
    answer = await world.authorize(await world.register(), scope=asked)
    assert (answer["error"], "code" in answer) == ("access_denied", False)
    assert "may not be granted" in answer["error_description"]


@pytest.mark.requirement("TK-05")
async def test_who_left_the_group_loses_the_grant_at_the_next_refresh() -> None:
    world = world_of(STAFF, groups=["staff"])
    client = await world.register()
    tokens = await world.tokens(client)
    world.auth.claims = {"groups": []}
    status, body = await refreshed(world, client, tokens)
    assert (status, body["error"]) == (400, "invalid_grant")
    assert body["error_description"] == "this account may not use this MCP server"
    world.auth.claims = {"groups": ["staff"]}
    assert (await refreshed(world, client, tokens))[0] == 400
    assert world.auth.revoked == []


@pytest.mark.requirement("TK-05", "TK-06")
async def test_and_the_access_tokens_that_are_left_with_it() -> None:
    world = world_of(STAFF, groups=["staff"])
    world.auth.expires_in = 0
    client = await world.register()
    tokens = await world.tokens(client)
    assert (await world.call(tokens["access_token"])).status_code == 200
    world.auth.claims = {"groups": []}
    assert (await world.token(client.refresh_form(tokens["refresh_token"]))).status_code == 400
    world.clock.advance(timedelta(seconds=1))
    assert (await world.call(tokens["access_token"])).status_code == 401


@pytest.mark.requirement("TK-05")
async def test_who_lost_a_scope_gets_the_others_and_has_it_back_when_it_is_theirs_again() -> None:
    world = world_of(SCOPES, groups=["editors"])
    client = await world.register()
    tokens = await world.tokens(client, scope="read write")
    world.auth.claims = {"groups": ["staff"]}
    status, tokens = await refreshed(world, client, tokens)
    assert (status, tokens["scope"]) == (200, "read")
    world.auth.claims = {"groups": ["editors"]}
    status, tokens = await refreshed(world, client, tokens)
    assert (status, tokens["scope"]) == (200, "read write")


@pytest.mark.requirement("TK-05")
async def test_a_refresh_for_a_lost_scope_alone_gets_nothing_and_costs_nothing() -> None:
    world = world_of(SCOPES, groups=["editors"])
    client = await world.register()
    tokens = await world.tokens(client, scope="read write")
    world.auth.claims = {"groups": ["staff"]}
    status, body = await refreshed(world, client, tokens, scope="write")
    assert (status, body["error"]) == (400, "invalid_scope")
    assert (await refreshed(world, client, tokens))[1]["scope"] == "read"


async def test_rules_that_changed_count_at_the_next_refresh_though_nobody_asked_the_provider() -> None:
    world = world_of({}, groups=["guests"])
    client = await world.register()
    tokens = await world.tokens(client)
    world.restart(default=server_settings(**STAFF))
    answer = await world.token(client.refresh_form(tokens["refresh_token"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert world.auth.refreshes == []


async def test_a_grant_for_a_server_that_was_taken_away_is_not_renewed() -> None:
    world = World(servers={"default": server_settings(), "wiki": server_settings()})
    client = await world.register()
    tokens = await world.tokens(client, resource=f"{GATEWAY}/wiki/mcp")
    del world.settings.servers["wiki"]
    world.restart()
    answer = await world.token(client.refresh_form(tokens["refresh_token"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_in_passthrough_people_are_asked_for_alike() -> None:
    world = World(servers={"default": server_settings(**STAFF)}, token_mode="passthrough")
    client = await world.register()
    assert (await world.authorize(client))["error"] == "access_denied"
    world.auth.claims = {"groups": ["staff"]}
    tokens = await world.tokens(client)
    assert (await world.call(tokens["access_token"])).status_code == 200
    world.restart(default=server_settings(allow={"groups": ["admins"]}))
    assert (await world.call(tokens["access_token"])).status_code == 403


@pytest.mark.parametrize(
    ("written", "reads"),
    [
        pytest.param(STAFF, 1, id="people"),
        pytest.param({"scopes": {"mcp": {"description": "Use", "allow": {"groups": ["staff"]}}}}, 1, id="a scope's"),
        pytest.param({"tools": {"restricted": {"x": {"allow": {"groups": ["staff"]}}}}}, 1, id="a tool's"),
        pytest.param({"tools": {"restricted": {"x": {"required_scopes": ["mcp"]}}}}, 0, id="scopes alone"),
        pytest.param({"tools": {"exclude_tools": ["x"]}}, 0, id="names alone"),
        pytest.param({}, 0, id="nothing"),
    ],
)
@pytest.mark.requirement("PO-05")
async def test_the_grant_is_read_once_for_a_token_and_only_where_people_matter(
    written: dict[str, Any], reads: int
) -> None:
    store = CountingStore(open_store(Secret("memory://")), MovableClock())
    world = world_of(written, store, groups=["staff"])
    store.now = world.clock
    token = (await world.tokens(await world.register()))["access_token"]
    store.reads.clear()
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for _ in range(5):
        assert (await world.call(token, json=ping)).status_code == 200
    assert sum(key.startswith("mcp-gateway:grant:") for key in store.reads) == reads


class CountingStore(ObservedStore):
    """One that remembers what was read."""

    reads: list[str]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.reads = []

    async def get(self, key: str) -> bytes | None:
        self.reads.append(key)
        return await super().get(key)
