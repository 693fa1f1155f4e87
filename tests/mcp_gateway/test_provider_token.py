"""`credentials: provider_token`: the MCP server gets the person's own token of the provider, while there is one."""

import asyncio
from datetime import timedelta
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive

from authproxy_common.records import open_store
from authproxy_common.secret import Secret
from mcp_gateway.settings import ServerSettings
from mcp_gateway.settings.credentials import ProviderTokenSettings
from tests.support.gateway import GATEWAY, UPSTREAM, ClientApp, World
from tests.support.network import virtual_network
from tests.support.watched_store import WatchedStore

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("UP-04")]

HOUR, EARLY = timedelta(hours=1), timedelta(minutes=1)
SERVER = ServerSettings(
    url=f"{UPSTREAM}/mcp", credentials="provider_token", provider_token=ProviderTokenSettings(provider="test")
)


@pytest.fixture
def world() -> World:
    # Its own tokens outlive the provider's, so that it is the provider's that are due.
    return World(servers={"default": SERVER}, access_token_ttl_seconds=7200)


def sent(world: World) -> list[str]:
    """The tokens that the MCP server got, call by call."""
    return [request.headers["authorization"].removeprefix("Bearer ") for request in world.upstream.received]


async def signed_in(world: World) -> tuple[ClientApp, dict[str, Any]]:
    client = await world.register()
    return client, await world.tokens(client)


def accepting(world: World, *tokens: str) -> None:
    """From now on the MCP server answers 401 to every other token."""

    async def mcp(request: Request) -> Response:
        world.upstream.received.append(request)
        world.upstream.bodies.append(await request.body())
        is_good = request.headers["authorization"].removeprefix("Bearer ") in tokens
        return JSONResponse({"id": 1}) if is_good else Response(status_code=401)

    world.upstream.answer = mcp


async def test_the_mcp_server_gets_the_providers_token_and_not_the_clients(world: World) -> None:
    _, tokens = await signed_in(world)
    assert (await world.call(tokens["access_token"])).status_code == 200
    assert sent(world) == ["provider-access"]
    assert not [name for name in world.upstream.received[0].headers if name.startswith("x-forwarded")]


async def test_it_is_renewed_a_minute_before_it_ends(world: World) -> None:
    _, tokens = await signed_in(world)
    await world.call(tokens["access_token"])
    world.clock.advance(HOUR - EARLY - timedelta(seconds=1))
    await world.call(tokens["access_token"])
    assert world.auth.refreshes == []
    world.clock.advance(timedelta(seconds=1))
    for _ in range(3):
        assert (await world.call(tokens["access_token"])).status_code == 200
    assert sent(world) == ["provider-access"] * 2 + ["provider-access-1"] * 3
    assert world.auth.refreshes == ["provider-refresh"]


async def test_one_that_lives_for_a_minute_is_not_due_at_every_call(world: World) -> None:
    world.auth.expires_in = 60
    _, tokens = await signed_in(world)
    for _ in range(9):
        await world.call(tokens["access_token"])
        world.clock.advance(timedelta(seconds=8))
    assert len(world.auth.refreshes) == 1
    assert sent(world)[-1] == "provider-access-1"


async def test_no_call_reads_the_store_or_opens_a_token_again() -> None:
    store = WatchedStore(open_store(Secret("memory://")))
    world = World(store, servers={"default": SERVER})
    _, tokens = await signed_in(world)
    await world.call(tokens["access_token"])
    store.commands.clear()
    for _ in range(20):
        assert (await world.call(tokens["access_token"])).status_code == 200
    assert store.commands == []


@pytest.mark.requirement("UP-04", "ST-01")
async def test_callers_at_two_replicas_have_it_renewed_once() -> None:
    world = World(servers={"default": SERVER}, access_token_ttl_seconds=7200)
    _, tokens = await signed_in(world)
    world.clock.advance(HOUR)
    async with virtual_network({GATEWAY: world.replica()}) as elsewhere:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        there = [elsewhere.post(f"{GATEWAY}/mcp", json={"id": 1}, headers=headers) for _ in range(10)]
        answers = await asyncio.gather(*there, *(world.call(tokens["access_token"]) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert set(sent(world)) == {"provider-access-1"}
    assert world.auth.refreshes == ["provider-refresh"]


async def test_who_the_provider_no_longer_accepts_has_to_sign_in_again(world: World) -> None:
    client, tokens = await signed_in(world)
    world.clock.advance(HOUR)
    world.auth.refresh_answer = JSONResponse({"error": "invalid_grant"}, 400)
    answer = await world.call(tokens["access_token"])
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert (
        f'resource_metadata="{GATEWAY}/.well-known/oauth-protected-resource/mcp"' in answer.headers["www-authenticate"]
    )
    assert world.upstream.received == []
    # Its refresh token would bring the client back with nothing new.
    assert (await world.token(client.refresh_form(tokens["refresh_token"]))).status_code == 400


async def test_a_token_that_ended_and_cannot_be_renewed_ends_the_sign_in(world: World) -> None:
    world.auth.has_refresh_tokens = False
    client, tokens = await signed_in(world)
    world.clock.advance(HOUR - timedelta(seconds=1))
    assert (await world.call(tokens["access_token"])).status_code == 200
    world.clock.advance(timedelta(seconds=1))
    assert (await world.call(tokens["access_token"])).status_code == 401
    assert (await world.token(client.refresh_form(tokens["refresh_token"]))).status_code == 400
    assert (await world.call((await world.tokens(client))["access_token"])).status_code == 200


async def test_a_token_without_an_end_is_good_for_as_long_as_the_sign_in(world: World) -> None:
    world.auth.has_refresh_tokens = False
    world.auth.members = {"expires_in": None}
    client, tokens = await signed_in(world)
    for _ in range(3):
        world.clock.advance(timedelta(days=3))
        tokens = (await world.token(client.refresh_form(tokens["refresh_token"]))).json()
        assert (await world.call(tokens["access_token"])).status_code == 200
    assert set(sent(world)) == {"provider-access"}


OUTAGES = [
    pytest.param(Response(status_code=503), 503, "temporarily_unavailable", id="the auth server is down"),
    pytest.param(Response("<html>"), 500, "server_error", id="it answers nonsense"),
]


@pytest.mark.requirement("UP-04", "OP-04")
@pytest.mark.parametrize(("answered", "status", "error"), OUTAGES)
async def test_while_nobody_can_renew_it_the_call_may_be_made_again(
    world: World, answered: Response, status: int, error: str
) -> None:
    _, tokens = await signed_in(world)
    world.clock.advance(HOUR)
    world.auth.refresh_answer = answered
    answer = await world.call(tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "www-authenticate" not in answer.headers
    assert ("retry-after" in answer.headers) == (status == 503)
    assert world.upstream.received == []
    world.auth.refresh_answer, world.auth.refreshes = None, []
    world.clock.advance(timedelta(seconds=10))
    assert (await world.call(tokens["access_token"])).status_code == 200


@pytest.mark.requirement("UP-04", "OP-04")
@pytest.mark.parametrize(("answered", "status", "error"), OUTAGES)
async def test_a_token_that_is_good_for_a_minute_yet_is_sent_meanwhile(
    world: World, answered: Response, status: int, error: str
) -> None:
    _, tokens = await signed_in(world)
    world.clock.advance(HOUR - EARLY)
    world.auth.refresh_answer = answered
    for _ in range(5):
        assert (await world.call(tokens["access_token"])).status_code == 200
    assert len(world.auth.refreshes) == 1
    world.clock.advance(timedelta(seconds=10))
    assert (await world.call(tokens["access_token"])).status_code == 200
    assert len(world.auth.refreshes) == 2
    world.clock.advance(EARLY)
    assert (await world.call(tokens["access_token"])).status_code == status


async def test_people_of_another_provider_are_not_let_in_and_their_token_stays_here() -> None:
    world = World(servers={"default": SERVER}, external_auth_provider="")
    world.auth.provider = "another"
    _, tokens = await signed_in(world)
    answer = await world.call(tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    assert world.upstream.received == []


@pytest.mark.parametrize("token", ["two words", "a\r\nX-Forwarded-User: root", "tökén", ""])
async def test_a_token_that_would_not_end_where_it_seems_to_is_not_sent(world: World, token: str) -> None:
    world.auth.members = {"access_token": token or "\t"}
    _, tokens = await signed_in(world)
    answer = await world.call(tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
    assert world.upstream.received == []


async def test_a_token_that_the_mcp_server_refuses_is_renewed_once_and_the_message_sent_again(world: World) -> None:
    """Revoked at the provider, say, or replaced by the one that another client of the person caused."""
    _, tokens = await signed_in(world)
    accepting(world, "provider-access-1")
    answer = await world.call(tokens["access_token"], json={"id": 7})
    assert (answer.status_code, answer.json()) == (200, {"id": 1})
    assert sent(world) == ["provider-access", "provider-access-1"]
    assert world.upstream.bodies[0] == world.upstream.bodies[1] == b'{"id":7}'
    assert world.auth.refreshes == ["provider-refresh"]
    await world.call(tokens["access_token"])
    assert sent(world)[2:] == ["provider-access-1"]


async def test_callers_whose_token_is_refused_at_the_same_time_have_it_renewed_once(world: World) -> None:
    _, tokens = await signed_in(world)
    accepting(world, "provider-access-1")
    answers = await asyncio.gather(*(world.call(tokens["access_token"]) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert world.auth.refreshes == ["provider-refresh"]


async def test_an_mcp_server_that_takes_no_token_signs_nobody_out_and_uses_none_up(world: World) -> None:
    client, tokens = await signed_in(world)
    accepting(world)
    for _ in range(5):
        answer = await world.call(tokens["access_token"])
        assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")
        assert "www-authenticate" not in answer.headers
    assert world.auth.refreshes == ["provider-refresh"]
    world.clock.advance(timedelta(minutes=1))
    await world.call(tokens["access_token"])
    assert len(world.auth.refreshes) == 2
    assert (await world.token(client.refresh_form(tokens["refresh_token"]))).status_code == 200


async def test_a_refused_token_that_the_provider_does_not_renew_is_the_end_of_the_sign_in(world: World) -> None:
    _, tokens = await signed_in(world)
    accepting(world)
    world.auth.refresh_answer = JSONResponse({"error": "invalid_grant"}, 400)
    answer = await world.call(tokens["access_token"])
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("accepts", "validated", "status"),
    [
        pytest.param(True, None, 502, id="the provider accepts it"),
        pytest.param(False, None, 401, id="nor does the provider accept it"),
        pytest.param(
            True, JSONResponse({"error": "server_error"}, 400), 502, id="the provider cannot be asked about it"
        ),
        pytest.param(True, Response(status_code=503), 503, id="the provider is down"),
    ],
)
async def test_without_a_way_to_renew_it_the_provider_says_whose_fault_it_is(
    world: World, accepts: bool, validated: Response | None, status: int
) -> None:
    world.auth.has_refresh_tokens = False
    _, tokens = await signed_in(world)
    accepting(world)
    world.auth.accepts, world.auth.validate_answer = accepts, validated
    assert (await world.call(tokens["access_token"])).status_code == status
    assert world.auth.validations == ["provider-access"]


async def test_where_there_are_several_providers_the_one_that_issued_it_is_asked() -> None:
    world = World(servers={"default": SERVER}, external_auth_provider="")
    world.auth.has_refresh_tokens = False
    _, tokens = await signed_in(world)
    accepting(world)
    assert (await world.call(tokens["access_token"])).status_code == 502
    assert world.auth.validated_at == ["test"]


@pytest.mark.requirement("UP-04", "TK-06")
async def test_nothing_is_sent_for_a_sign_in_that_has_ended(world: World) -> None:
    client, tokens = await signed_in(world)
    await world.call(tokens["access_token"])
    await world.http.post(
        f"{GATEWAY}/oauth/revoke", data={"token": tokens["refresh_token"], "client_id": client.client_id}
    )
    world.clock.advance(timedelta(seconds=2))
    assert (await world.call(tokens["access_token"])).status_code == 401
    assert len(world.upstream.received) == 1


async def test_a_caller_who_leaves_while_it_is_renewed_keeps_nobody_waiting(world: World) -> None:
    _, tokens = await signed_in(world)
    world.clock.advance(HOUR)
    asked, gone, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
    questions = []

    async def held() -> None:
        questions.append("of the auth server")
        asked.set()
        await go_on.wait()

    async def receive() -> Message:
        if not asked.is_set():
            return {"type": "http.request", "body": b"{}"}
        gone.set()
        return {"type": "http.disconnect"}

    world.auth.before_refresh = held
    headers = [(b"host", b"mcp.test"), (b"authorization", f"Bearer {tokens['access_token']}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/mcp", "query_string": b"", "headers": headers}
    with anyio.fail_after(5):
        leaving = asyncio.ensure_future(world.app(scope, until(asked, receive), lambda _: asyncio.sleep(0)))
        await gone.wait()
        go_on.set()
        await leaving
        assert (await world.call(tokens["access_token"])).status_code == 200
    assert sent(world)[-1] == "provider-access-1"
    assert len(questions) == 1


def until(event: asyncio.Event, receive: Receive) -> Receive:
    """`receive` at once, and then no more before the event."""
    first = True

    async def waiting() -> Message:
        nonlocal first
        if not first:
            await event.wait()
        first = False
        return await receive()

    return waiting
