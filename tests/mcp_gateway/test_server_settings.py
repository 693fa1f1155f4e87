"""`servers`: paths, words, and policies; and everything that can be wrong with them, each with its key."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from authproxy_common.config import SettingsError
from mcp_gateway.settings import ServerSettings, load_settings
from mcp_gateway.settings.servers import OUR_ENDPOINTS, OUR_PATHS
from tests.support.callers import server_settings
from tests.support.gateway import GATEWAY, UPSTREAM, World

anyio = pytest.mark.anyio
U = "url: 'http://a.test/mcp'"

WRONG: list[Any] = [
    ("path: wiki", "path", "must be a path"),
    ("path: /", "path", "must be a path"),
    ("path: /wiki/", "path", "must be a path"),
    ("path: /a//b", "path", "must be a path"),
    ("path: /a/../oauth", "path", "must be a path"),
    ("path: /./a", "path", "must be a path"),
    ("path: '/a%2fb'", "path", "must be a path"),
    ("path: '/a b'", "path", "must be a path"),
    ("path: '/a?b'", "path", "must be a path"),
    ("path: '/{path}'", "path", "must be a path"),
    ("path: /oauth/mcp", "path", "endpoints of its own"),
    ("path: /OAuth", "path", "endpoints of its own"),
    ("path: /token", "path", "endpoints of its own"),
    ("path: /health/live", "path", "endpoints of its own"),
    ("path: /.well-known/mcp", "path", "must be a path"),
    ("path: /gateway-oauth/mcp", "path", "endpoints of its own"),
    ("allow:", "allow", "names nothing"),
    ("allow: {}", "allow", "names nobody"),
    ("allow: []", "allow", "names nothing"),
    ("allow: '${UNSET, }'", "allow", "names nothing"),
    ("allow: {groups: []}", "allow.groups", "names nothing"),
    ("allow: {groups: '${UNSET, }'}", "allow.groups", "names nothing"),
    ("allow: {groups: [staff], email_domains: }", "allow.email_domains", "names nothing"),
    ("allow: {claims: {}}", "allow.claims", "names nothing"),
    ("allow: {claims: {department: []}}", "allow.claims.department", "at least one value"),
    ("allow: {claims: {level: [3]}}", "allow.claims.level[0]", "put it in quotes"),
    ("allow: {claims: {email: [a@b.test]}}", "allow.claims.email", "use emails"),
    ("allow: {claims: {groups: [staff]}}", "allow.claims.groups", "use groups"),
    ("allow: {group: [staff]}", "allow.group", "did you mean groups?"),
    ("allow: {emails: [a]}", "allow.emails[0]", "an address"),
    ("allow: {emails: ['\u00e4@b.test']}", "allow.emails[0]", "ASCII"),
    ("allow: {email_domains: ['*.b.test']}", "allow.email_domains[0]", "a host"),
    ("allow: {email_domains: [B.test]}", "allow.email_domains[0]", "lower case"),
    ("allow: {email_domains: ['@b.test']}", "allow.email_domains[0]", "a host"),
    ("allow: [{groups: [a]}, {}]", "allow[1]", "names nobody"),
    ("allow: [{groups: [a]}, {emails: [b]}]", "allow[1].emails[0]", "an address"),
    ("scopes: {mcp: {allow: {groups: [a]}}}", "scopes.mcp.description", "is missing"),
    ("scopes: {mcp: {description: x, allow: {}}}", "scopes.mcp.allow", "names nobody"),
    ("scopes: {mcp: {description: x, allow: }}", "scopes.mcp.allow", "names nothing"),
    ("scopes: {mcp: [x]}", "scopes.mcp", "must be text"),
    ("tools:", "tools", "names nothing"),
    ("tools: {}", "tools", "says nothing"),
    ("tools: {include_tools: []}", "tools.include_tools", "names nothing"),
    ("tools: {include_tools: '${UNSET, }'}", "tools.include_tools", "names nothing"),
    ("tools: {exclude_tools: }", "tools.exclude_tools", "names nothing"),
    ("tools: {exclude_tools: ['get_(a|b)']}", "tools.exclude_tools[0]", "between slashes"),
    ("tools: {include_tools: [a, '/(/']}", "tools.include_tools[1]", "missing )"),
    ("tools: {restricted: {}}", "tools.restricted", "names nothing"),
    ("tools: {restricted: {x: {}}}", "tools.restricted.x", "asks for nothing"),
    ("tools: {restricted: {x: }}", "tools.restricted.x", "must be a mapping"),
    ("tools: {restricted: {'/x': {required_scopes: [mcp]}}}", "tools.restricted./x", "ends with one"),
    ("tools: {restricted: {x: {required_scopes: [admin]}}}", "tools.restricted.x.required_scopes[0]", "not among"),
    ("tools: {restricted: {x: {allow: {}}}}", "tools.restricted.x.allow", "names nobody"),
    ("tools: {include: [x]}", "tools.include", "did you mean include_tools?"),
    ("description: [x]", "description", "put it in quotes"),
]


def problems(tmp_path: Path, servers: str, more: str = "") -> dict[str, str]:
    path = tmp_path / "mcp_gateway.yaml"
    path.write_text(f"adapter_config:\n  development_mode: true\n{more}  servers: {servers}\n")
    with pytest.raises(SettingsError) as refused:
        load_settings(path, {})
    return {each.key.removeprefix("adapter_config.servers."): each.message for each in refused.value.problems}


@pytest.mark.requirement("CF-02", "PO-06")
@pytest.mark.parametrize(("written", "key", "message"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_wrong_with_a_server_is_named_with_its_key(
    tmp_path: Path, written: str, key: str, message: str
) -> None:
    found = problems(tmp_path, f"{{wiki: {{{U}, {written}}}}}")
    assert list(found) == [f"wiki.{key}"]
    assert message in found[f"wiki.{key}"]


@pytest.mark.requirement("CF-02", "PO-06")
def test_everything_that_is_wrong_with_several_servers_is_named_at_once(tmp_path: Path) -> None:
    one = f"one: {{{U}, tools: {{exclude_tools: ['(']}}, allow: {{groups: }}, required_scopes: [x]}}"
    two = "two: {url: 'ftp://a', path: /one/mcp}"
    assert set(problems(tmp_path, f"{{{one}, {two}}}")) == {
        "one.tools.exclude_tools[0]",
        "one.allow.groups",
        "one.required_scopes[0]",
        "two.url",
        "two.path",
    }


@pytest.mark.requirement("CF-02")
@pytest.mark.parametrize(
    ("servers", "key", "other"),
    [
        pytest.param(f"{{a: {{{U}, path: /x}}, b: {{{U}, path: /x}}}}", "b.path", "a", id="both say so"),
        pytest.param(f"{{a: {{{U}, path: /b/mcp}}, b: {{{U}}}}}", "b.path", "a", id="one has it by its name"),
        pytest.param(f"{{default: {{{U}}}, b: {{{U}, path: /mcp}}}}", "b.path", "default", id="the default one has it"),
    ],
)
def test_two_servers_are_not_at_one_path(tmp_path: Path, servers: str, key: str, other: str) -> None:
    found = problems(tmp_path, servers)
    assert found == {key: f"is {other}'s too"}


@pytest.mark.requirement("CF-05", "PO-06")
def test_nobody_is_asked_for_where_nobody_is_known(tmp_path: Path) -> None:
    scopes = "scopes: {mcp: {description: x, allow: {groups: [a]}}}"
    tools = "tools: {restricted: {x: {required_scopes: [mcp]}}}"
    servers = f"{{wiki: {{{U}, allow: {{groups: [a]}}, {scopes}, {tools}}}}}"
    found = problems(tmp_path, servers, "  enable_auth: false\n")
    assert set(found) == {"wiki.allow", "wiki.scopes.mcp.allow", "wiki.tools.restricted.x"}
    assert all("enable_auth" in message for message in found.values())


@anyio
@pytest.mark.requirement("CF-05", "PO-02")
async def test_without_authentication_tools_may_still_be_in_or_out() -> None:
    world = World(enable_auth=False, servers={"default": server_settings(tools={"exclude_tools": ["get_secret"]})})
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search"}}
    assert (await world.call(None, json=call)).status_code == 200
    assert (await world.call(None, json={**call, "params": {"name": "get_secret"}})).status_code == 403
    assert len(world.upstream.received) == 1


@anyio
@pytest.mark.requirement("DI-02", "AZ-03", "RS-01")
async def test_a_server_is_where_its_path_says_and_a_resource_of_its_own_there() -> None:
    wiki = server_settings(path="/team/wiki", description="The wiki of the team")
    world = World(servers={"default": server_settings(), "wiki": wiki})
    client = await world.register()
    metadata = (await world.http.get(f"{GATEWAY}/.well-known/oauth-protected-resource/team/wiki")).json()
    assert (metadata["resource"], metadata["resource_name"]) == (f"{GATEWAY}/team/wiki", "The wiki of the team")
    token = (await world.tokens(client, resource=metadata["resource"]))["access_token"]
    assert (await world.call(token, "/team/wiki")).status_code == 200
    assert (await world.call(token, "/team/wiki/")).status_code == 200
    assert (await world.call(token, "/mcp")).status_code == 401
    assert (await world.call(token, "/wiki/mcp")).status_code == 404
    challenge = (await world.call(None, "/team/wiki")).headers["www-authenticate"]
    assert f'resource_metadata="{GATEWAY}/.well-known/oauth-protected-resource/team/wiki"' in challenge
    authorization_server = await world.http.get(f"{GATEWAY}/.well-known/oauth-authorization-server/team/wiki")
    assert authorization_server.json()["issuer"] == GATEWAY


@anyio
@pytest.mark.requirement("AZ-04")
async def test_the_consent_page_says_what_the_server_is() -> None:
    world = World(servers={"default": server_settings(description="The wiki <of> the team")})
    page = await world.browser.open((await world.register()).authorization_url())
    assert "The wiki &lt;of&gt; the team" in page.text
    assert f"{GATEWAY}/mcp" in page.text


THREE: dict[str, dict[str, Any]] = {
    "default": {},
    "wiki": {"path": "/team/wiki"},
    "payroll": {"scopes": {"pay": "Pay"}},
}
PATHS = {"default": "/mcp", "wiki": "/team/wiki", "payroll": "/payroll/mcp"}


@anyio
@pytest.mark.requirement("RS-01", "AZ-03", "DI-01")
@pytest.mark.parametrize("of", PATHS)
@pytest.mark.parametrize("at", PATHS)
async def test_a_token_opens_its_own_server_and_no_other(of: str, at: str) -> None:
    world = World(servers={name: server_settings(**each) for name, each in THREE.items()})
    token = (await world.tokens(await world.register(), resource=GATEWAY + PATHS[of]))["access_token"]
    answer = await world.call(token, PATHS[at])
    if of == at:
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert answer.headers["www-authenticate"] == (
        'Bearer error="invalid_token", error_description="the access token is for another MCP server", '
        f'resource_metadata="{GATEWAY}/.well-known/oauth-protected-resource{PATHS[at]}", '
        f'scope="{"pay" if at == "payroll" else "mcp"}"'
    )
    assert world.upstream.received == []


@anyio
@pytest.mark.requirement("OP-04", "DI-02")
@pytest.mark.parametrize("path", ["/nowhere/mcp", "/wiki", "/MCP", "/mcp/x", "/team/wiki/x", "/"])
async def test_a_server_that_is_not_there_is_not_found_and_nobody_is_told_which_are(path: str) -> None:
    world = World(servers={name: server_settings(**each) for name, each in THREE.items()})
    answer = await world.call(None, path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert "www-authenticate" not in answer.headers
    said = answer.text.lower() + str(answer.headers).lower()
    assert not [name for name in ("wiki", "payroll", "upstream") if name in said]


@pytest.mark.requirement("CF-02")
def test_no_path_of_ours_is_free_for_a_server() -> None:
    world = World(servers={"default": ServerSettings(url=f"{UPSTREAM}/mcp")})
    paths = {path for path in routed(world.app) if path != "/mcp"}
    assert paths >= {"/oauth/authorize", "/token", "/health/live"}
    free = [path for path in paths if path.split("/")[1] not in OUR_PATHS and path not in OUR_ENDPOINTS]
    assert free == []


def routed(app: Any) -> set[str]:
    """The paths of every route that is somewhere within the application."""
    found: set[str] = set()
    while app is not None:
        found |= {route.path for route in getattr(app, "routes", []) if isinstance(route, Route)}
        app = getattr(app, "app", None)
    return {re.sub(r"/\{.*", "", path) for path in found}
