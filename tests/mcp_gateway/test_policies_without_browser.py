"""Access policies for who comes without a browser: clients that act for nobody, and people whom an issuer asserts."""

from typing import Any

import pytest

from authproxy_common.secret import Secret
from mcp_gateway.settings import ClientSettings
from tests.support.callers import server_settings
from tests.support.enterprise import WIKI, Enterprise, check_refused
from tests.support.gateway import GATEWAY, World

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("PO-01", "PO-02", "MA-01")]

SECRET = "the secret of a build server"
POLICY: dict[str, Any] = {
    "allow": {"groups": ["staff"]},
    "scopes": {"read": "Read", "write": {"description": "Write", "allow": {"groups": ["editors"]}}, "admin": "Rule"},
    "required_scopes": ["read"],
    "tools": {
        "exclude_tools": ["get_secret"],
        "restricted": {
            "create_*": {"required_scopes": ["write"]},
            "delete_*": {"required_scopes": ["admin"]},
            "approve": {"allow": {"groups": ["staff"]}},
        },
    },
}


def call(name: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}}


async def outcomes(world: World, token: str, path: str = "/wiki/mcp") -> dict[str, str]:
    """What becomes of a call of each tool: `200`, or why not."""
    found = {}
    for tool in ("search", "get_secret", "create_page", "delete_page", "approve"):
        answer = await world.call(token, path, json=call(tool))
        found[tool] = "200" if answer.status_code == 200 else answer.json()["error"]["data"]["error"]
    return found


async def test_a_client_that_acts_for_nobody_calls_what_it_was_allowed_and_no_tool_of_certain_people() -> None:
    build = ClientSettings(
        grant_types=("client_credentials",),
        token_endpoint_auth_method="client_secret_basic",
        client_secret=Secret(SECRET),
        servers={"wiki": ("read", "write")},
    )
    world = World(clients={"build": build}, servers={"wiki": server_settings(**POLICY)})
    form = {"grant_type": "client_credentials", "resource": WIKI}
    tokens = (await world.http.post(f"{GATEWAY}/oauth/token", data=form, auth=("build", SECRET))).json()
    assert tokens["scope"] == "read write"
    assert await outcomes(world, tokens["access_token"]) == {
        "search": "200",
        "get_secret": "access_denied",
        "create_page": "200",
        "delete_page": "insufficient_scope",
        "approve": "access_denied",
    }


@pytest.mark.parametrize(
    ("groups", "scope", "refused"),
    [
        pytest.param(["staff", "editors"], "read write", None, id="of both groups"),
        pytest.param(["staff"], "read", None, id="without a scope that is not theirs"),
        pytest.param(["guests"], None, "may not use this MCP server", id="of another group"),
        pytest.param(None, None, "may not use this MCP server", id="of no group"),
    ],
)
@pytest.mark.requirement("MA-05")
async def test_a_person_whom_an_issuer_asserts_is_asked_for_like_any_other(
    groups: list[str] | None, scope: str | None, refused: str | None
) -> None:
    world = Enterprise()
    world.restart(wiki=server_settings(**POLICY))
    answer = await world.present(world.good(**({"groups": groups} if groups else {})))
    if refused:
        check_refused(answer, refused)
        return
    assert (answer.status_code, answer.json()["scope"]) == (200, scope)
    reached = await outcomes(world, answer.json()["access_token"])
    assert reached == {
        "search": "200",
        "get_secret": "access_denied",
        "create_page": "200" if scope == "read write" else "access_denied",
        "delete_page": "insufficient_scope",
        "approve": "200",
    }


@pytest.mark.requirement("MA-04")
async def test_an_assertion_of_somebody_who_is_not_let_in_is_not_used_up() -> None:
    world = Enterprise()
    world.restart(wiki=server_settings(**POLICY))
    assertion = world.good(groups=["guests"])
    check_refused(await world.present(assertion), "may not use this MCP server")
    world.restart(wiki=server_settings(**{**POLICY, "allow": {"groups": ["guests"]}}))
    assert (await world.present(assertion)).status_code == 200


@pytest.mark.requirement("MA-05")
async def test_who_is_let_in_no_more_hears_so_at_calls() -> None:
    world = Enterprise()
    world.restart(wiki=server_settings(**POLICY))
    token = (await world.present(world.good(groups=["staff"]))).json()["access_token"]
    assert (await world.call(token, "/wiki/mcp", json=call("search"))).status_code == 200
    world.restart(wiki=server_settings(**{**POLICY, "allow": {"groups": ["admins"]}}))
    answer = await world.call(token, "/wiki/mcp", json=call("search"))
    assert (answer.status_code, answer.json()["error"]["message"]) == (403, "this account may not use this MCP server")
