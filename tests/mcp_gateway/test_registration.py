"""Dynamic client registration."""

from datetime import timedelta
from typing import Any

import pytest

from mcp_gateway.settings import RateLimitSettings
from tests.support.gateway import GATEWAY, REDIRECT_URI, World
from tests.support.network import virtual_network

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("CL-03")
async def test_a_client_learns_what_it_was_registered_as(world: World) -> None:
    asked = {
        "client_name": "Editor",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token", "implicit"],
        "token_endpoint_auth_method": "client_secret_basic",
        "software_id": "editor",
    }
    answer = await world.http.post(f"{GATEWAY}/oauth/register", json=asked)
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert body.pop("client_id").startswith("reg_")
    assert body == {
        "client_id_issued_at": int(world.clock().timestamp()),
        "client_name": "Editor",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }


REFUSED: list[Any] = [
    pytest.param({}, "invalid_redirect_uri", id="no redirect_uris"),
    pytest.param({"redirect_uris": []}, "invalid_redirect_uri", id="empty redirect_uris"),
    pytest.param({"redirect_uris": "https://a.test/cb"}, "invalid_redirect_uri", id="not a list"),
    pytest.param({"redirect_uris": [7]}, "invalid_redirect_uri", id="not a string"),
    pytest.param({"redirect_uris": [REDIRECT_URI] * 9}, "invalid_redirect_uri", id="too many"),
    pytest.param({"redirect_uris": ["http://a.test/cb"]}, "invalid_redirect_uri", id="http beyond loopback"),
    pytest.param({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri", id="script"),
    pytest.param({"redirect_uris": [REDIRECT_URI], "client_name": 7}, "invalid_client_metadata", id="name"),
    pytest.param({"redirect_uris": [REDIRECT_URI], "grant_types": ["implicit"]}, "invalid_client_metadata", id="grant"),
    pytest.param({"redirect_uris": [REDIRECT_URI], "application_type": "x"}, "invalid_client_metadata", id="type"),
    pytest.param({"redirect_uris": [REDIRECT_URI], "application_type": []}, "invalid_client_metadata", id="odd type"),
    pytest.param({"redirect_uris": [REDIRECT_URI], "application_type": "web"}, "invalid_redirect_uri", id="web, here"),
    pytest.param(
        {"redirect_uris": ["https://localhost/cb"], "application_type": "web"}, "invalid_redirect_uri", id="web, https"
    ),
    pytest.param(
        {"redirect_uris": ["cursor://cb"], "application_type": "web"}, "invalid_redirect_uri", id="web, a scheme"
    ),
    pytest.param({"redirect_uris": [REDIRECT_URI], "grant_types": "x"}, "invalid_client_metadata", id="grant type"),
    pytest.param(
        {"redirect_uris": [REDIRECT_URI], "response_types": ["token"]}, "invalid_client_metadata", id="response"
    ),
]


@pytest.mark.requirement("CL-03", "CL-05")
@pytest.mark.parametrize(("metadata", "error"), REFUSED)
async def test_unusable_metadata_is_refused(world: World, metadata: dict[str, Any], error: str) -> None:
    answer = await world.http.post(f"{GATEWAY}/oauth/register", json=metadata)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert "client_id" not in answer.json()


@pytest.mark.requirement("CL-03")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"client_name": "a", "client_name": "b"}', b"\xff", b"[" * 9999])
async def test_a_body_that_is_no_json_object_is_refused(world: World, body: bytes) -> None:
    answer = await world.http.post(f"{GATEWAY}/oauth/register", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.requirement("CL-07", "ST-04")
async def test_a_registration_is_known_after_a_restart_and_at_another_replica(world: World) -> None:
    client = await world.register()
    restarted = World()
    restarted.sealing_keys, restarted.signing_keys = world.sealing_keys, world.signing_keys
    async with virtual_network({GATEWAY: restarted.replica()}) as http:
        page = await http.get(client.authorization_url())
    assert page.status_code == 200
    assert "Editor" in page.text


@pytest.mark.requirement("CL-07", "AZ-01")
async def test_a_registration_ends_with_its_time(world: World) -> None:
    client = await world.register()
    world.clock.advance(timedelta(days=365))
    page = await world.http.get(client.authorization_url())
    assert page.status_code == 400
    assert "expired" in page.text


@pytest.mark.requirement("CL-07", "ST-03")
async def test_a_client_id_cannot_be_altered(world: World) -> None:
    client = await world.register()
    for position in (5, 20, len(client.client_id) - 1):
        letter = "A" if client.client_id[position] != "A" else "B"
        altered = client.client_id[:position] + letter + client.client_id[position + 1 :]
        page = await world.http.get(client.authorization_url(client_id=altered))
        assert page.status_code == 400
        assert "location" not in page.headers


@pytest.mark.requirement("CL-03", "AZ-04")
async def test_a_name_cannot_turn_the_consent_page_around(world: World) -> None:
    client = await world.register(client_name="Edi\u202etor\n<script>alert(1)</script>" + "x" * 500)
    page = await world.http.get(client.authorization_url())
    assert "<script>" not in page.text
    assert "\u202e" not in page.text
    assert "x" * 200 not in page.text


@pytest.mark.requirement("CL-03")
@pytest.mark.parametrize(
    ("application_type", "redirect_uri"),
    [
        ("native", REDIRECT_URI),
        ("native", "cursor://cb"),
        ("native", "https://a.test/cb"),
        ("web", "https://a.test/cb"),
    ],
)
async def test_a_client_may_say_what_kind_of_application_it_is(
    world: World, application_type: str, redirect_uri: str
) -> None:
    metadata = {"redirect_uris": [redirect_uri], "application_type": application_type}
    answer = await world.http.post(f"{GATEWAY}/oauth/register", json=metadata)
    assert (answer.status_code, answer.json()["application_type"]) == (201, application_type)


@pytest.mark.requirement("CL-06", "DI-05")
async def test_registration_can_be_switched_off_and_is_then_not_offered() -> None:
    before = World()
    client = await before.register()
    world = World(dynamic_registration=False)
    answer = await world.http.post(f"{GATEWAY}/oauth/register", json={"redirect_uris": [REDIRECT_URI]})
    metadata = (await world.http.get(f"{GATEWAY}/.well-known/oauth-authorization-server")).json()
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert "registration_endpoint" not in metadata
    assert (await world.http.get(client.authorization_url())).status_code == 400


@pytest.mark.requirement("CL-06")
async def test_the_operators_list_of_destinations_binds_registrations_old_and_new() -> None:
    before = World()
    old = await before.register()
    world = World(client_redirect_hosts=("editor.example", "cursor:"))
    world.sealing_keys = before.sealing_keys
    answer = await world.http.post(f"{GATEWAY}/oauth/register", json={"redirect_uris": [REDIRECT_URI]})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")
    async with virtual_network({GATEWAY: world.replica()}) as http:
        page = await http.get(old.authorization_url())
        token = await http.post(f"{GATEWAY}/oauth/token", data=old.refresh_form("x"))
    assert (page.status_code, "no longer sends" in page.text) == (400, True)
    assert (token.status_code, token.json()["error"]) == (401, "invalid_client")
    for uri in ("https://editor.example/cb", "cursor://cb"):
        taken = await world.http.post(f"{GATEWAY}/oauth/register", json={"redirect_uris": [uri]})
        assert taken.status_code == 201


@pytest.mark.requirement("OP-09", "CL-03")
@pytest.mark.parametrize(
    ("limited", "method", "path"),
    [
        ("register", "POST", "/oauth/register"),
        ("register", "POST", "/register"),
        ("authorize", "GET", "/oauth/authorize"),
        ("authorize", "GET", "/authorize"),
        ("token", "POST", "/oauth/token"),
        ("token", "POST", "/oauth/revoke"),
        ("token", "POST", "/oauth/introspect"),
    ],
)
async def test_what_comes_too_often_from_one_address_is_told_when_to_come_again(
    limited: str, method: str, path: str
) -> None:
    world = World(rate_limits=RateLimitSettings(**{limited: "2/hour"}))
    origin = {"Origin": "https://inspector.test"}
    answers = [await world.http.request(method, GATEWAY + path, headers=origin) for _ in range(3)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert int(answers[-1].headers["retry-after"]) > 0
    if method == "GET":
        assert "What to do" in answers[-1].text
        assert answers[-1].headers["x-request-id"] in answers[-1].text
    else:
        assert answers[-1].json()["error"] == "temporarily_unavailable"
        assert answers[-1].headers["access-control-allow-origin"] == "*"
