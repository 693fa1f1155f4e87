"""What passes between client and MCP server, and what happens when the MCP server does not play."""

import pytest

from mcp_gateway.settings import ServerSettings
from tests.support.gateway import GATEWAY, UPSTREAM, World

pytestmark = pytest.mark.anyio

BODY = b'{ "jsonrpc":"2.0",  "id":1,"method":"tools/call" ,"params":{"x":1.50}}'


async def signed_in(world: World) -> str:
    token: str = (await world.tokens(await world.register()))["access_token"]
    return token


@pytest.mark.requirement("RS-07")
async def test_a_message_passes_unchanged_to_the_last_space(world: World) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    await world.call(await signed_in(world), json=None, content=BODY, headers=headers, params={"a": "1 2+3"})
    assert world.upstream.bodies == [BODY]
    assert world.upstream.received[0].headers["accept"] == headers["Accept"]
    assert world.upstream.received[0].url.query == "a=1+2%2B3"


@pytest.mark.requirement("RS-07")
@pytest.mark.parametrize(
    "name",
    ["Mcp-Session-Id", "Mcp-Protocol-Version", "Last-Event-ID", "Mcp-Method", "Mcp-Name", "Mcp-Param-City", "Accept"],
)
async def test_headers_of_every_revision_reach_the_mcp_server(world: World, name: str) -> None:
    await world.call(await signed_in(world), headers={name: "value"})
    assert world.upstream.received[0].headers[name] == "value"


@pytest.mark.requirement("RS-07")
async def test_whitespace_around_a_value_is_not_part_of_it(world: World) -> None:
    await world.call(await signed_in(world), headers={"Mcp-Name": " \ta tool\t "})
    assert world.upstream.received[0].headers["mcp-name"] == "a tool"


@pytest.mark.requirement("RS-07", "RS-03")
async def test_of_an_answer_its_own_headers_pass_and_no_cookie(world: World) -> None:
    world.upstream.headers = {"Mcp-Session-Id": "s-1", "Set-Cookie": "a=b", "Server": "x", "X-Internal": "y"}
    answer = await world.call(await signed_in(world))
    assert answer.json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert answer.headers["mcp-session-id"] == "s-1"
    assert not {"set-cookie", "server", "x-internal"} & set(answer.headers)


@pytest.mark.requirement("RS-07")
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_each_method_of_mcp_passes(world: World, method: str) -> None:
    headers = {"Authorization": f"Bearer {await signed_in(world)}"}
    answer = await world.http.request(method, f"{GATEWAY}/mcp", headers=headers)
    assert answer.status_code == 200
    assert world.upstream.received[0].method == method


@pytest.mark.requirement("RS-07", "DI-02")
async def test_a_slash_behind_the_path_is_the_same_mcp_server() -> None:
    world = World(servers={name: ServerSettings(url=f"{UPSTREAM}/mcp") for name in ("default", "wiki")})
    client = await world.register()
    token = (await world.tokens(client, resource=f"{GATEWAY}/wiki/mcp/"))["access_token"]
    assert (await world.call(token, "/wiki/mcp/")).status_code == 200
    assert (await world.call(token, "/mcp/")).status_code == 401
    assert len(world.upstream.received) == 1
    metadata = await world.http.get(f"{GATEWAY}/.well-known/oauth-protected-resource/wiki/mcp/")
    assert metadata.json()["resource"] == f"{GATEWAY}/wiki/mcp"


@pytest.mark.requirement("RS-07")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "TRACE"])
async def test_no_other_method_passes(world: World, method: str) -> None:
    headers = {"Authorization": f"Bearer {await signed_in(world)}"}
    answer = await world.http.request(method, f"{GATEWAY}/mcp", headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST, DELETE")
    assert world.upstream.received == []


@pytest.mark.requirement("RS-07")
@pytest.mark.parametrize("status", [202, 204, 400, 403, 404, 429, 500, 503])
async def test_a_status_of_the_mcp_server_is_the_clients_to_see(world: World, status: int) -> None:
    world.upstream.status = status
    assert (await world.call(await signed_in(world))).status_code == status


@pytest.mark.requirement("OP-04", "RS-03")
@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        pytest.param(302, {"Location": "https://internal.test/x"}, "redirects", id="a redirect"),
        pytest.param(307, {"Location": "/mcp/"}, "redirects", id="a slash is missing"),
        pytest.param(401, {"WWW-Authenticate": "Bearer"}, "credentials", id="a challenge of its own"),
    ],
)
async def test_what_an_answer_may_not_tell_the_client_is_a_bad_gateway(
    world: World, status: int, headers: dict[str, str], words: str
) -> None:
    world.upstream.status, world.upstream.headers = status, headers
    answer = await world.call(await signed_in(world))
    assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")
    assert words in answer.json()["error_description"]
    assert not {"location", "www-authenticate"} & set(answer.headers)
    assert "internal.test" not in answer.text


@pytest.mark.requirement("OP-04", "OP-01", "OP-03")
async def test_an_mcp_server_that_is_not_there_is_a_bad_gateway() -> None:
    world = World(servers={"default": ServerSettings(url="https://nowhere.test/mcp")})
    answer = await world.call(await signed_in(world))
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "nowhere.test" not in answer.text
    metrics = (await world.http.get(f"{GATEWAY}/metrics")).text
    assert 'authproxy_dependency_failures_total{dependency="upstream"} 1.0' in metrics


@pytest.mark.requirement("OP-05")
async def test_a_message_above_the_limit_is_refused(world: World) -> None:
    limited = World(world.store, max_body_bytes=1000)
    token = await signed_in(limited)
    at_limit = await limited.call(token, json=None, content=b"x" * 1000)
    above = await limited.call(token, json=None, content=b"x" * 1001)
    assert (at_limit.status_code, above.status_code) == (200, 413)
    assert above.json()["request_id"] == above.headers["x-request-id"]
    assert len(limited.upstream.received) == 1


@pytest.mark.requirement("OP-05")
async def test_oauth_endpoints_have_a_lower_limit(world: World) -> None:
    answer = await world.http.post(f"{GATEWAY}/oauth/register", content=b"x" * 65537)
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")


@pytest.mark.requirement("OP-01")
async def test_the_request_id_reaches_the_mcp_server(world: World) -> None:
    answer = await world.call(await signed_in(world), headers={"X-Request-Id": "abcdef-0123456789"})
    assert answer.headers["x-request-id"] == "abcdef-0123456789"
    assert world.upstream.received[0].headers["x-request-id"] == "abcdef-0123456789"


@pytest.mark.requirement("CF-05")
async def test_without_authentication_everybody_passes_and_no_oauth_endpoint_is_there() -> None:
    world = World(enable_auth=False)
    answer = await world.call(None, headers={"X-Forwarded-User": "root", "Authorization": "Bearer x"})
    assert answer.status_code == 200
    assert not {"authorization", "x-forwarded-user"} & set(world.upstream.received[0].headers)
    for path in ("/oauth/authorize", "/.well-known/oauth-authorization-server", "/oauth/register"):
        assert (await world.http.get(GATEWAY + path)).status_code == 404


@pytest.mark.requirement("RS-03")
async def test_an_mcp_server_that_is_not_told_who_calls_is_not_told() -> None:
    world = World(servers={"default": ServerSettings(url=f"{UPSTREAM}/mcp", credentials="none")})
    await world.call(await signed_in(world))
    assert "x-forwarded-user" not in world.upstream.received[0].headers
