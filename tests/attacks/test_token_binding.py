"""Tokens and codes in the wrong hands. Each test here guards a line of `mutations.py`, and fails without it."""

from typing import Any

import pytest

from mcp_gateway.settings import ServerSettings
from tests.support.gateway import GATEWAY, UPSTREAM, World

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("TK-01", "AZ-02")
async def test_a_stolen_code_is_worthless_without_its_verifier(world: World) -> None:
    client = await world.register()
    answer = await world.token(client.code_form(await world.code(client), code_verifier="x" * 64))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "access_token" not in answer.text


@pytest.mark.requirement("TK-01")
async def test_a_code_is_worthless_to_another_client(world: World) -> None:
    client, thief = await world.register(), await world.register(client_name="Thief")
    answer = await world.token(client.code_form(await world.code(client), client_id=thief.client_id))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.requirement("TK-01")
async def test_a_code_needs_the_redirect_uri_that_it_was_sent_to(world: World) -> None:
    other = "http://127.0.0.1:7777/other"
    client = await world.register(redirect_uris=["http://127.0.0.1:7777/callback", other])
    answer = await world.token(client.code_form(await world.code(client), redirect_uri=other))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.requirement("TK-02")
async def test_a_refresh_token_is_worthless_to_another_client(world: World) -> None:
    client, thief = await world.register(), await world.register(client_name="Thief")
    tokens = await world.tokens(client)
    answer = await world.token(thief.refresh_form(tokens["refresh_token"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await world.token(client.refresh_form(tokens["refresh_token"]))).status_code == 200


@pytest.mark.requirement("RS-01", "AZ-03")
async def test_a_token_for_one_mcp_server_opens_no_other() -> None:
    servers = {name: ServerSettings(url=f"{UPSTREAM}/mcp") for name in ("default", "payroll")}
    world = World(servers=servers)
    tokens = await world.tokens(await world.register())
    answer = await world.call(tokens["access_token"], "/payroll/mcp")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert f"{GATEWAY}/.well-known/oauth-protected-resource/payroll/mcp" in answer.headers["www-authenticate"]
    assert world.upstream.received == []


@pytest.mark.requirement("RS-05")
async def test_a_token_without_the_scope_of_the_call_is_told_which_to_ask_for() -> None:
    scopes: dict[str, Any] = {"read": "Read", "write": "Write"}
    servers = {"default": ServerSettings(url=f"{UPSTREAM}/mcp", scopes=scopes, required_scopes=("write",))}
    world = World(servers=servers)
    tokens = await world.tokens(await world.register(), scope="read")
    answer = await world.call(tokens["access_token"])
    assert (tokens["scope"], answer.status_code) == ("read", 403)
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert 'scope="write"' in answer.headers["www-authenticate"]
    assert world.upstream.received == []


# Each header by which somebody, somewhere, believes to know who is calling, or for whom.
FORGED = {
    "Cookie": "session=1",
    "Cookie2": "$Version=1",
    "X-Forwarded-User": "test:root",
    "X-Forwarded-Email": "root@example.com",
    "X-Forwarded-Groups": "admins",
    "X-Forwarded-Preferred-Username": "root",
    "X-Forwarded-Access-Token": "eyJh",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Host": "internal.test",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Port": "80",
    "X-Forwarded-Prefix": "/admin",
    "X-Forwarded-Server": "internal.test",
    "X-Forwarded-Uri": "/admin",
    "X-Forwarded-Client-Cert": "By=spiffe://cluster/root",
    "X-Forwarded-Assertion": "eyJh",
    "X-Forwarded-Jwt-Assertion": "eyJh",
    "X-Forwarded": "for=10.0.0.1",
    "Forwarded": "for=10.0.0.1;host=internal.test",
    "Forwarded-For": "10.0.0.1",
    "X-Auth-Request-User": "root",
    "X-Auth-Request-Email": "root@example.com",
    "X-Auth-Request-Groups": "admins",
    "X-Auth-Request-Preferred-Username": "root",
    "X-Auth-Request-Access-Token": "eyJh",
    "X-Auth-Username": "root",
    "X-Authenticated-User": "root",
    "X-Authenticated-Userid": "root",
    "X-Remote-User": "root",
    "X-Remote-Group": "system:masters",
    "X-Remote-Extra-Scopes": "all",
    "Remote-User": "root",
    "Remote-Groups": "admins",
    "Remote-Email": "root@example.com",
    "Remote-Name": "Root",
    "Impersonate-User": "root",
    "Impersonate-Group": "system:masters",
    "X-WebAuth-User": "root",
    "X-User": "root",
    "X-User-Id": "0",
    "X-User-Email": "root@example.com",
    "X-Username": "root",
    "X-Email": "root@example.com",
    "X-Groups": "admins",
    "X-Roles": "admin",
    "X-Consumer-Username": "root",
    "X-Consumer-Id": "0",
    "X-Credential-Identifier": "root",
    "X-Userinfo": "e30=",
    "X-Id-Token": "eyJh",
    "X-Access-Token": "eyJh",
    "X-JWT-Assertion": "eyJh",
    "X-Amzn-Oidc-Data": "eyJh",
    "X-Amzn-Oidc-Identity": "root",
    "X-Amzn-Oidc-Accesstoken": "eyJh",
    "X-Goog-Authenticated-User-Email": "accounts.google.com:root@example.com",
    "X-Goog-Iap-Jwt-Assertion": "eyJh",
    "X-MS-Client-Principal": "e30=",
    "X-MS-Client-Principal-Name": "root",
    "X-MS-Token-AAD-Access-Token": "eyJh",
    "Cf-Access-Jwt-Assertion": "eyJh",
    "Cf-Access-Authenticated-User-Email": "root@example.com",
    "CF-Connecting-IP": "10.0.0.1",
    "Tailscale-User-Login": "root@example.com",
    "X-Pomerium-Jwt-Assertion": "eyJh",
    "X-Pomerium-Claim-Email": "root@example.com",
    "X-Vouch-User": "root",
    "X-SSL-Client-Verify": "SUCCESS",
    "X-SSL-Client-S-DN": "CN=root",
    "SSL-Client-Cert": "root",
    "Client-Cert": ":cm9vdA==:",
    "X-Client-Cert": "root",
    "X-API-Key": "root",
    "Api-Key": "root",
    "X-Api-Token": "root",
    "X-Auth-Token": "root",
    "X-Authorization": "Bearer root",
    "X-Original-Authorization": "Bearer root",
    "Proxy-Authorization": "Basic eA==",
    "Proxy-Authenticate": "Basic",
    "X-Original-User": "root",
    "X-Original-URL": "/admin",
    "X-Original-Host": "internal.test",
    "X-Original-Method": "DELETE",
    "X-Rewrite-URL": "/admin",
    "X-HTTP-Method-Override": "DELETE",
    "X-Host": "internal.test",
    "X-Real-IP": "10.0.0.1",
    "X-Client-IP": "10.0.0.1",
    "X-Cluster-Client-IP": "10.0.0.1",
    "True-Client-IP": "10.0.0.1",
    "Client-IP": "10.0.0.1",
    "Fastly-Client-IP": "10.0.0.1",
    "Via": "1.1 internal.test",
    "From": "root@example.com",
    "Referer": "https://internal.test/",
    "TE": "trailers",
    "Trailer": "X-Forwarded-User",
    "HTTP2-Settings": "AAMAAABk",
    "Keep-Alive": "timeout=5",
    "X-Internal": "yes",
    "X-Mcp-User": "root",
    "Mcp-User": "root",
    "Mcp-Client-Id": "root",
}
SPELLINGS: dict[str, Any] = {
    "as it is": lambda name: name,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "with underscores": lambda name: name.replace("-", "_"),
}
# What an MCP server gets of a request with nothing but an access token and a body, whoever calls.
OF_ANYBODY = {"host", "content-length", "content-type", "accept", "accept-encoding", "user-agent", "x-request-id"}
# What it is told of the caller, by its `credentials`.
TOLD = {"identity": {"x-forwarded-user", "x-forwarded-jwt-assertion"}, "none": set()}


@pytest.mark.requirement("RS-03", "UP-01")
@pytest.mark.parametrize("credentials", TOLD)
@pytest.mark.parametrize("name", FORGED)
async def test_a_header_by_which_a_client_pretends_to_be_somebody_does_not_reach_the_mcp_server(
    name: str, credentials: str
) -> None:
    world = World(servers={"default": ServerSettings(url=f"{UPSTREAM}/mcp", credentials=credentials)})
    token = (await world.tokens(await world.register()))["access_token"]
    for spelling in SPELLINGS.values():
        spelt, value = spelling(name), FORGED[name]
        # Alone, and more than once, in which case programs differ in which of them they believe.
        for forged in ([(spelt, value)], [(spelt, value), (spelt, "other"), (name.title(), value)]):
            headers = [("Authorization", f"Bearer {token}"), *forged]
            answer = await world.http.post(f"{GATEWAY}/mcp", headers=headers, json={"id": 1})
            assert answer.status_code == 200
            got = world.upstream.received[-1].headers
            assert set(got) - OF_ANYBODY == TOLD[credentials]
            assert not {value, "other"} & set(got.getlist(name))
            assert got.getlist("x-forwarded-user") == (["test:alice"] if credentials == "identity" else [])
            assert token not in str(got.raw)


@pytest.mark.requirement("RS-03")
async def test_no_credential_or_claimed_identity_of_the_client_reaches_the_mcp_server(world: World) -> None:
    tokens = await world.tokens(await world.register())
    answer = await world.call(tokens["access_token"], headers={**FORGED, "Mcp-Session-Id": "s-1", "Mcp-Param-X": "1"})
    got = world.upstream.received[0].headers
    assert answer.status_code == 200
    assert got["x-forwarded-user"] == "test:alice"
    assert {name.lower() for name in FORGED} & set(got) == TOLD["identity"]
    assert not set(FORGED.values()) & {value for name, value in got.items() if name in TOLD["identity"]}
    assert "authorization" not in got
    assert (got["mcp-session-id"], got["mcp-param-x"]) == ("s-1", "1")
    assert tokens["access_token"] not in str(got.raw)
