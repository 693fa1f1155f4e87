"""An MCP server with several endpoints: each session stays where it was created, from every replica of the gateway."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from authproxy_common.clock import utc_now
from authproxy_common.records import open_store
from authproxy_common.secret import Secret
from mcp_gateway.proxy.upstream_http.transport import open_transport
from mcp_gateway.settings import ServerSettings
from tests.support.gateway import GATEWAY, World
from tests.support.network import virtual_network
from tests.support.observed_store import ObservedStore
from tests.support.servers import free_port, serving

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-08")]


@dataclass
class StatefulServer:
    """One endpoint of an MCP server of 2025, which knows the sessions that it created and no others."""

    name: str
    sessions: set[str] = field(default_factory=set)
    calls: int = 0

    async def mcp(self, request: Request) -> Response:
        self.calls += 1
        session_id = request.headers.get("mcp-session-id")
        if session_id is None and (await request.body()).find(b"initialize") < 0:
            return JSONResponse({"endpoint": self.name})
        if session_id is None:
            session_id = f"{self.name}-{len(self.sessions)}"
            self.sessions.add(session_id)
            return JSONResponse({"endpoint": self.name}, headers={"Mcp-Session-Id": session_id})
        if session_id not in self.sessions:
            return JSONResponse({"error": "session not found"}, 404)
        if request.method == "DELETE":
            self.sessions.discard(session_id)
        return JSONResponse({"endpoint": self.name}, headers={"Mcp-Session-Id": session_id})

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/mcp", self.mcp, methods=["GET", "POST", "DELETE"])])


@dataclass
class Scene:
    """Endpoints on real sockets, behind replicas of one gateway."""

    world: World
    store: ObservedStore
    servers: list[StatefulServer]
    replicas: list[httpx.AsyncClient]
    token: str

    async def call(
        self, replica: int, method: str = "POST", body: str = "tools/call", **headers: str
    ) -> httpx.Response:
        fields = {"Authorization": f"Bearer {self.token}", **{n.replace("_", "-"): v for n, v in headers.items()}}
        return await self.replicas[replica].request(method, f"{GATEWAY}/mcp", headers=fields, json={"method": body})

    async def session(self, replica: int = 0) -> str:
        """A new one."""
        answer = await self.call(replica, body="initialize")
        assert answer.status_code == 200, answer.text
        return str(answer.headers["mcp-session-id"])


@asynccontextmanager
async def scene(**settings: Any) -> AsyncIterator[Scene]:
    servers = [StatefulServer(name) for name in ("one", "two", "three")]
    async with AsyncExitStack() as stack:
        origins = [await stack.enter_async_context(serving(server.app())) for server in servers]
        server = ServerSettings(urls=tuple(f"{origin}/mcp" for origin in origins), **settings)
        transport = open_transport()
        stack.push_async_callback(transport.aclose)
        store = ObservedStore(open_store(Secret("memory://")), utc_now)
        world = World(store, transport, servers={"default": server})
        store.now = world.clock
        token = (await world.tokens(await world.register()))["access_token"]
        replicas = [virtual_network({GATEWAY: world.replica()}) for _ in range(2)]
        yield Scene(world, store, servers, replicas, token)


async def test_a_session_stays_with_its_endpoint_from_every_replica() -> None:
    async with scene() as here:
        sessions = [await here.session(index % 2) for index in range(6)]
        assert {len(server.sessions) for server in here.servers} == {2}
        for session_id in sessions:
            for replica in (0, 1, 0):
                answer = await here.call(replica, mcp_session_id=session_id)
                created_by = session_id.rpartition(".")[2].partition("-")[0]
                assert (answer.status_code, answer.json()["endpoint"]) == (200, created_by)
        for method in ("GET", "DELETE"):
            assert (await here.call(1, method, mcp_session_id=sessions[0])).status_code == 200
        assert (await here.call(0, mcp_session_id=sessions[0])).status_code == 404


async def test_calls_without_a_session_go_round() -> None:
    async with scene() as here:
        reached = [(await here.call(0)).json()["endpoint"] for _ in range(6)]
    assert sorted(reached) == ["one", "one", "three", "three", "two", "two"]


async def test_a_session_of_nobody_is_not_found_and_the_client_begins_anew() -> None:
    async with scene() as here:
        assert (await here.call(0, mcp_session_id="of-nobody")).status_code == 404
        assert sum(server.calls for server in here.servers) == 1


async def test_an_endpoint_that_is_not_there_is_passed_over_for_calls_without_a_session() -> None:
    async with scene() as here:
        gone = f"http://127.0.0.1:{free_port()}/mcp"
        server = here.world.settings.servers["default"]
        here.world.settings.servers["default"] = ServerSettings(urls=(gone, *server.urls[:2]))
        here.replicas[0] = virtual_network({GATEWAY: here.world.replica()})
        reached = [await here.call(0, body="initialize") for _ in range(6)]
        assert [answer.status_code for answer in reached] == [200] * 6
        assert {answer.json()["endpoint"] for answer in reached} == {"one", "two"}


@pytest.mark.requirement("OP-04")
async def test_where_no_endpoint_is_there_the_call_fails_once_all_were_tried() -> None:
    async with scene() as here:
        here.world.settings.servers["default"] = ServerSettings(
            urls=tuple(f"http://127.0.0.1:{free_port()}/mcp" for _ in range(2))
        )
        here.replicas[0] = virtual_network({GATEWAY: here.world.replica()})
        answer = await here.call(0)
        assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")


@pytest.mark.requirement("ST-05")
async def test_sessions_need_no_store() -> None:
    async with scene() as here:
        session_id = await here.session(0)
        # Admitted there before, so that it is the session alone that somebody would have to know.
        assert (await here.call(1)).status_code == 200
        here.store.is_down = True
        for replica in (0, 1):
            assert (await here.call(replica, mcp_session_id=session_id)).status_code == 200


async def test_an_endpoint_knows_its_sessions_by_the_names_that_it_gave_them() -> None:
    async with scene() as here:
        session_id = await here.session(0)
        created = next(iter(next(server.sessions for server in here.servers if server.sessions)))
        assert session_id.endswith(f".{created}")
        assert "127.0.0.1" not in session_id
        answer = await here.call(1, mcp_session_id=session_id)
        assert answer.headers["mcp-session-id"] == session_id


async def test_a_session_of_an_endpoint_that_was_taken_away_is_not_found() -> None:
    async with scene() as here:
        session_id = await here.session(0)
        urls = here.world.settings.servers["default"].urls
        owner = next(index for index, server in enumerate(here.servers) if server.sessions)
        here.world.settings.servers["default"] = ServerSettings(urls=urls[:owner] + urls[owner + 1 :])
        here.replicas[1] = virtual_network({GATEWAY: here.world.replica()})
        assert (await here.call(1, mcp_session_id=session_id)).status_code == 404
