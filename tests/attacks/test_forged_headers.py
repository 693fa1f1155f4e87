"""A client that says who it is, or brings credentials of its own, in every header that somebody might believe."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from authproxy_common.secret import Secret
from mcp_gateway.proxy.transport import UpstreamRequest
from mcp_gateway.settings import ServerSettings
from mcp_gateway.settings.credentials import IdentitySettings, ProviderTokenSettings, TokenExchangeSettings
from tests.support.gateway import UPSTREAM, World

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("UP-01", "RS-03")]

# What each way of telling sends, by itself.
OURS: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "none": ({}, set()),
    "identity": ({}, {"x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "x-forwarded-jwt-assertion"}),
    "identity by bearer token": (
        {"identity": IdentitySettings(assertion_header="Authorization")},
        {"x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "authorization"},
    ),
    "provider_token": ({"provider_token": ProviderTokenSettings(provider="test")}, {"authorization"}),
    "token_exchange": ({"token_exchange": TokenExchangeSettings(audience="wiki")}, {"authorization"}),
    "static": ({"static_headers": {"X-Api-Key": Secret("ours"), "X-Team": Secret("ours")}}, {"x-api-key", "x-team"}),
}

FORGED = [
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Jwt-Assertion",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "Forwarded",
    "X-Real-IP",
    "Remote-User",
    "X-Remote-User",
    "X-Remote-Groups",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Pomerium-Jwt-Assertion",
    "X-Goog-IAP-JWT-Assertion",
    "X-Goog-Authenticated-User-Email",
    "X-Amzn-Oidc-Data",
    "X-Ms-Client-Principal",
    "Cf-Access-Jwt-Assertion",
    "Tailscale-User-Login",
    "Cookie",
    "Proxy-Authorization",
    "X-Api-Key",
    "X-Team",
    "X-User",
    # As CGI and WSGI read it, the same name as the first.
    "X_Forwarded_User",
    "x_forwarded_email",
    "X-FORWARDED-USER",
]


def a_world(way: str, **further: Any) -> World:
    settings, _ = OURS[way]
    server = ServerSettings(url=f"{UPSTREAM}/mcp", credentials=way.partition(" ")[0], **settings, **further)
    world = World(servers={"default": server}, external_auth_gateway_name="mcp-gateway")
    world.auth.user = {"email": "alice@example.com", "email_verified": True, "groups": ["staff"]}
    return world


@pytest.mark.parametrize("way", OURS)
@pytest.mark.parametrize("header", FORGED)
async def test_what_a_client_says_of_itself_reaches_no_mcp_server(way: str, header: str) -> None:
    world = a_world(way)
    token = (await world.tokens(await world.register()))["access_token"]

    answer = await world.call(token, headers={header: "root", header.lower(): "root"})

    assert answer.status_code == 200, answer.text
    [got] = world.upstream.received
    assert "root" not in str(got.headers.raw)
    names = [name.decode() for name, _ in got.headers.raw]
    sent = [name for name in names if name in OURS[way][1]]
    assert sorted(sent) == sorted(OURS[way][1])
    assert "_" not in "".join(names)


@pytest.mark.parametrize("way", OURS)
async def test_the_clients_own_token_reaches_no_mcp_server(way: str) -> None:
    world = a_world(way)
    token = (await world.tokens(await world.register()))["access_token"]

    await world.call(token)

    assert token not in str(world.upstream.received[0].headers.raw)
    sent = world.upstream.received[0].headers.getlist("authorization")
    assert len(sent) == ("authorization" in OURS[way][1])


@pytest.mark.parametrize("way", OURS)
@pytest.mark.requirement("UP-06")
async def test_a_listed_header_passes_and_gives_no_other_a_way_in(way: str) -> None:
    world = a_world(way, forward_headers=("X-Tenant",))
    token = (await world.tokens(await world.register()))["access_token"]

    await world.call(
        token, headers={"X-Tenant": "blue", "X_Tenant": "root", "X-Tenants": "root", "X-Forwarded-User": "root"}
    )

    got = world.upstream.received[0].headers
    assert got["x-tenant"] == "blue"
    assert "root" not in str(got.raw)


@pytest.mark.parametrize("way", ["none", "identity", "static"])
async def test_at_an_open_door_nobody_is_anybody(way: str) -> None:
    settings, _ = OURS[way]
    server = ServerSettings(url=f"{UPSTREAM}/mcp", credentials=way, **settings)
    world = World(servers={"default": server}, enable_auth=False)

    for header in FORGED:
        answer = await world.call(None, headers={header: "root", "Authorization": "Bearer root"})
        assert answer.status_code == 200

    assert "root" not in str([request.headers.raw for request in world.upstream.received])
    got = world.upstream.received[0].headers
    assert {name for name in got if name.startswith(("x-forwarded", "authorization"))} == set()


@pytest.mark.requirement("UP-04", "UP-05")
async def test_a_token_for_one_mcp_server_reaches_no_other() -> None:
    servers = {
        way.replace("_", "-"): ServerSettings(url=f"{UPSTREAM}/{way}", credentials=way.partition(" ")[0], **settings)
        for way, (settings, _) in OURS.items()
        if " " not in way
    }
    world = World(servers=servers, external_auth_gateway_name="mcp-gateway")
    seen = {}
    for name in servers:
        client = await world.register()
        token = (await world.tokens(client, resource=f"https://mcp.test/{name}/mcp"))["access_token"]
        assert (await world.call(token, f"/{name}/mcp")).status_code == 200
        seen[name] = str(world.upstream.received[-1].headers.raw)
    for secret, name in (("provider-access", "provider-token"), ("exchanged-for-wiki", "token-exchange")):
        assert [each for each, headers in seen.items() if secret in headers] == [name]


def test_a_request_for_an_mcp_server_does_not_show_what_is_in_it() -> None:
    hour = timedelta(hours=1)
    request = UpstreamRequest("POST", "http://wiki/mcp", [(b"authorization", b"Bearer s3cret")], b"s3cret", hour, hour)
    assert "s3cret" not in repr(request)
