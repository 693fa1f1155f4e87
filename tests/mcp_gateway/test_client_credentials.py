"""Clients that act for nobody: what they get, what they do not, and what becomes of it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from authproxy_common.secret import Secret
from mcp_gateway.settings import ClientSettings
from tests.support.client_assertions import assertion_form, client_key, jwks_of
from tests.support.enterprise import DEFAULT, PAYROLL, SERVERS, WIKI
from tests.support.gateway import GATEWAY, REDIRECT_URI, World
from tests.support.trusted_issuer import JWT_BEARER

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("MA-01")]

SECRET = "the secret of a build server"
KEY = client_key()
BY_ITSELF = ("client_credentials",)
CLIENTS = {
    "build": ClientSettings(
        grant_types=BY_ITSELF,
        token_endpoint_auth_method="client_secret_basic",
        client_secret=Secret(SECRET),
        servers={"wiki": ("write", "read"), "default": ("mcp",)},
    ),
    "deploy": ClientSettings(
        grant_types=BY_ITSELF,
        token_endpoint_auth_method="client_secret_post",
        client_secret=Secret(SECRET),
        servers={"wiki": ("read",)},
    ),
    "robot": ClientSettings(
        grant_types=BY_ITSELF,
        token_endpoint_auth_method="private_key_jwt",
        jwks=jwks_of(KEY),
        servers={"wiki": ("read",)},
    ),
    "editor": ClientSettings(
        redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="client_secret_basic", client_secret=Secret(SECRET)
    ),
}


@pytest.fixture
def world() -> World:
    return World(clients=CLIENTS, servers=SERVERS)


async def ask(world: World, client_id: str = "build", **form: str | None) -> httpx.Response:
    """A token request of the client, which authenticates as it is configured; a parameter that is None is left out."""
    given: dict[str, Any] = {"grant_type": "client_credentials", "resource": WIKI} | form
    options: dict[str, Any] = {}
    match CLIENTS[client_id].token_endpoint_auth_method:
        case "client_secret_basic":
            options["auth"] = (client_id, SECRET)
        case "client_secret_post":
            given |= {"client_id": client_id, "client_secret": SECRET}
        case _:
            given |= assertion_form(client_id, GATEWAY, world.clock(), KEY)
    data = {name: value for name, value in given.items() if value is not None}
    return await world.http.post(f"{GATEWAY}/oauth/token", data=data, **options)


async def token(world: World, client_id: str = "build", **form: str | None) -> str:
    answer = await ask(world, client_id, **form)
    assert answer.status_code == 200, answer.text
    value: str = answer.json()["access_token"]
    return value


@pytest.mark.requirement("TK-03", "CL-04")
@pytest.mark.parametrize(("client_id", "scope"), [("build", "read write"), ("deploy", "read"), ("robot", "read")])
async def test_a_client_gets_an_access_token_for_itself_and_no_refresh_token(
    world: World, client_id: str, scope: str
) -> None:
    answer = await ask(world, client_id)
    body = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert body.pop("access_token")
    assert body == {"token_type": "Bearer", "expires_in": 600, "scope": scope}


@pytest.mark.requirement("MA-02", "TK-04")
async def test_the_mcp_server_is_told_that_it_is_a_client_and_not_a_person(world: World) -> None:
    assert (await world.call(await token(world), "/wiki/mcp")).status_code == 200
    assert world.upstream.received[-1].headers["x-forwarded-user"] == "client:build"


@pytest.mark.requirement("AZ-03")
async def test_its_token_opens_the_mcp_server_that_it_asked_for_and_no_other(world: World) -> None:
    value = await token(world, resource=DEFAULT)
    assert (await world.call(value)).status_code == 200
    assert (await world.call(value, "/wiki/mcp")).status_code == 401


SCOPE_REQUESTS: list[Any] = [
    pytest.param(None, "read write", id="none named"),
    pytest.param("read", "read", id="one of those it may have"),
    pytest.param("write read", "read write", id="all of those it may have"),
    pytest.param("read admin", "read", id="one it may have and one it may not"),
    pytest.param("read offline_access", "read", id="and offline access"),
]


@pytest.mark.parametrize(("requested", "granted"), SCOPE_REQUESTS)
async def test_it_gets_what_it_asked_for_of_what_it_may_have(world: World, requested: str | None, granted: str) -> None:
    assert (await ask(world, scope=requested)).json()["scope"] == granted


REFUSED: list[Any] = [
    pytest.param("build", {"scope": "admin"}, "invalid_scope", id="a scope that was not written down"),
    pytest.param("build", {"scope": "nonsense"}, "invalid_scope", id="a scope that nobody knows"),
    pytest.param("build", {"resource": PAYROLL}, "invalid_target", id="a server that was not written down"),
    pytest.param("deploy", {"resource": DEFAULT}, "invalid_target", id="a server that was written down for another"),
    pytest.param("build", {"resource": f"{GATEWAY}/nowhere/mcp"}, "invalid_target", id="a server that is not there"),
    pytest.param("build", {"resource": None}, "invalid_target", id="no server, where there are several"),
    pytest.param("editor", {}, "unauthorized_client", id="a client that is for people"),
]


@pytest.mark.parametrize(("client_id", "form", "error"), REFUSED)
async def test_what_was_not_written_down_is_refused(
    world: World, client_id: str, form: dict[str, str | None], error: str
) -> None:
    answer = await ask(world, client_id, **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert "access_token" not in answer.json()


async def test_a_client_that_acts_for_itself_is_none_for_people(world: World) -> None:
    answer = await ask(world, grant_type="authorization_code", code="ac_guessed")
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.requirement("CL-04")
async def test_without_its_secret_it_gets_nothing(world: World) -> None:
    form = {"grant_type": "client_credentials", "resource": WIKI}
    for options in ({"auth": ("build", "a guess")}, {"data": {"client_id": "build"}}):
        answer = await world.http.post(f"{GATEWAY}/oauth/token", **{"data": form, **options})  # type: ignore[arg-type]
        assert answer.status_code in {400, 401}
        assert answer.json()["error"] in {"invalid_client", "invalid_request"}


async def test_where_there_is_one_mcp_server_nobody_has_to_name_it() -> None:
    build = ClientSettings(
        grant_types=BY_ITSELF,
        token_endpoint_auth_method="client_secret_basic",
        client_secret=Secret(SECRET),
        servers={"default": ("mcp",)},
    )
    world = World(clients={"build": build})
    assert (await world.call(await token(world, resource=None))).status_code == 200


@pytest.mark.requirement("MA-08", "TK-06")
async def test_a_token_that_is_revoked_is_refused_at_every_replica(world: World) -> None:
    value = await token(world)
    other = httpx.AsyncClient(transport=httpx.ASGITransport(world.replica()), base_url=GATEWAY)
    call = {"json": {"id": 1}, "headers": {"Authorization": f"Bearer {value}"}}
    assert (await other.post("/wiki/mcp", **call)).status_code == 200  # type: ignore[arg-type]
    form = {"token": value, "client_id": "build"}
    assert (await world.http.post(f"{GATEWAY}/oauth/revoke", data=form, auth=("build", SECRET))).status_code == 200
    world.clock.advance(timedelta(seconds=1))
    assert (await other.post("/wiki/mcp", **call)).status_code == 401  # type: ignore[arg-type]
    assert (await world.call(value, "/wiki/mcp")).status_code == 401
    # Nobody signed in at a provider, so there is none to tell.
    assert world.auth.revoked == []


@pytest.mark.requirement("MA-08")
async def test_another_client_cannot_revoke_it(world: World) -> None:
    value = await token(world)
    form = {"token": value, "client_id": "deploy", "client_secret": SECRET}
    answer = await world.http.post(f"{GATEWAY}/oauth/revoke", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await world.call(value, "/wiki/mcp")).status_code == 200


@pytest.mark.requirement("MA-08", "TK-07")
async def test_a_resource_server_learns_that_it_is_a_clients_own_token(world: World) -> None:
    value = await token(world)
    options: dict[str, Any] = {"data": {"token": value}, "auth": ("editor", SECRET)}
    body = (await world.http.post(f"{GATEWAY}/oauth/introspect", **options)).json()
    now = int(world.clock().timestamp())
    assert body.pop("jti")
    assert body == {
        "active": True,
        "iss": GATEWAY,
        "token_type": "Bearer",
        "client_id": "build",
        "sub": "client:build",
        "aud": WIKI,
        "scope": "read write",
        "iat": now,
        "exp": now + 600,
    }


@pytest.mark.requirement("OP-03", "OP-02")
async def test_it_is_noted_without_a_secret(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    value = await token(world)
    metrics = (await world.http.get(f"{GATEWAY}/metrics")).text
    assert 'authproxy_events_total{event="tokens_issued"} 1.0' in metrics
    printed = "".join(capsys.readouterr())
    assert "tokens_issued" in printed
    assert not any(secret in printed for secret in (SECRET, value))


@pytest.mark.requirement("MA-07", "DI-05")
async def test_it_is_offered_where_a_client_has_it_and_nowhere_else(world: World) -> None:
    url = f"{GATEWAY}/.well-known/oauth-authorization-server"
    people = ["authorization_code", "refresh_token"]
    offered, others = (await world.http.get(url)).json(), World(clients={"editor": CLIENTS["editor"]})
    assert offered["grant_types_supported"] == [*people, "client_credentials"]
    assert "authorization_grant_profiles_supported" not in offered
    assert (await others.http.get(url)).json()["grant_types_supported"] == people
    answer = await ask(others, "editor")
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.requirement("MA-07", "CL-03")
@pytest.mark.parametrize("grant_type", ["client_credentials", JWT_BEARER])
async def test_who_registers_gets_neither_grant_type(world: World, grant_type: str) -> None:
    metadata = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "client_secret_basic"}
    url = f"{GATEWAY}/oauth/register"
    alone = await world.http.post(url, json={**metadata, "grant_types": [grant_type]})
    assert (alone.status_code, alone.json()["error"]) == (400, "invalid_client_metadata")
    beside = (await world.http.post(url, json={**metadata, "grant_types": ["authorization_code", grant_type]})).json()
    assert beside["grant_types"] == ["authorization_code"]
    form = {"grant_type": grant_type, "client_id": beside["client_id"], "resource": WIKI, "assertion": "x"}
    answer = await world.token(form)
    assert answer.json()["error"] in {"unauthorized_client", "unsupported_grant_type"}


@pytest.mark.requirement("MA-07", "CL-01")
@pytest.mark.parametrize("grant_type", ["client_credentials", JWT_BEARER])
async def test_who_publishes_a_document_gets_neither_grant_type(world: World, grant_type: str) -> None:
    url = "https://editor.example/client.json"
    document = {"client_id": url, "client_name": "Editor", "redirect_uris": [REDIRECT_URI], "jwks": jwks_of(KEY)}
    document |= {"token_endpoint_auth_method": "private_key_jwt", "grant_types": ["authorization_code", grant_type]}
    world.published.publish(url, document)
    proof = assertion_form(url, GATEWAY, world.clock(), KEY)
    answer = await world.token({"grant_type": grant_type, "resource": WIKI, "assertion": "x", **proof})
    assert answer.status_code == 400
    assert answer.json()["error"] in {"unauthorized_client", "unsupported_grant_type"}
