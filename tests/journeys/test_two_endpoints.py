"""Sessions of 2025 at an MCP server of two processes, through gateways that share a Redis and nothing else."""

import itertools
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial

import anyio
import httpx
import pytest
from mcp import Client, MCPError

from tests.support.conversation import conversation
from tests.support.person import People, call
from tests.support.replicas import Door, Replica, Replicas, running_replicas
from tests.support.servers import RedisServer, answers, free_port, running
from tests.support.stack import ROOT, running_stack

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("RS-08", "RS-07")
async def test_sessions_of_the_sdk_survive_at_two_endpoints(redis_server: RedisServer, people: People) -> None:
    second = free_port()

    def two_endpoints(config: str) -> str:
        both = f"urls: ['${{MCP_UPSTREAM_URL}}', 'http://127.0.0.1:{second}/mcp']"
        return config.replace("url: ${MCP_UPSTREAM_URL, http://localhost:9000/mcp}", both)

    variables = {"PYTHONPATH": str(ROOT), "SAMPLE_SERVER_PORT": str(second)}
    with ExitStack() as stack:
        command = [sys.executable, "-m", "examples.sample_server"]
        other = stack.enter_context(running(command, variables, lambda: answers(second), "second upstream"))
        started = stack.enter_context(running_stack({"REDIS_URL": redis_server.url}, edit_gateway=two_endpoints))
        with anyio.fail_after(60):
            alice, bob = (
                people("alice").client(started.mcp_url, "legacy"),
                people("bob").client(started.mcp_url, "legacy"),
            )
            async with alice as at_one, bob as at_another:
                for client, name in 2 * [(at_one, "alice"), (at_another, "bob")]:
                    for _ in range(3):
                        assert await call(client, "whoami") == f"development:{name}"
                    # Another gateway that never heard of these sessions. Killed, for it would wait for open streams.
                    started.gateway.process.kill()
                    started.restart_gateway()
                other.process.kill()
                outcomes = [await outcome(client) for client in (at_one, at_another)]
    assert sorted(outcomes) == [False, True], "both sessions were at the same endpoint"


async def outcome(client: Client) -> bool:
    """Whether the client's session is still there."""
    try:
        await call(client, "whoami")
    except MCPError:
        return False
    return True


# Each MCP server with its path and its endpoints.
SERVERS = {"default": ("/mcp", ["tools"]), "wiki": ("/wiki/mcp", ["wiki-1", "wiki-2"]), "pay": ("/team/pay", ["pay"])}


@contextmanager
def running_endpoints() -> Iterator[dict[str, int]]:
    """A process for each endpoint; their ports by their names."""
    ports = {name: free_port() for _, names in SERVERS.values() for name in names}
    with ExitStack() as stack:
        for name, port in ports.items():
            variables = {"PYTHONPATH": str(ROOT), "ENDPOINT_NAME": name, "ENDPOINT_PORT": str(port)}
            command = [sys.executable, "-m", "tests.support.endpoint_server"]
            stack.enter_context(running(command, variables, partial(answers, port), name))
        yield ports


def servers_of(ports: dict[str, int]) -> str:
    """The gateways' `servers`; JSON is YAML too."""
    servers = {
        name: {"urls": [f"http://127.0.0.1:{ports[each]}/mcp" for each in names], "path": path}
        for name, (path, names) in SERVERS.items()
    }
    return f"  servers: {json.dumps(servers)}\n"


@dataclass
class Session:
    """One session, as its client knows it, and where it was created."""

    server: str
    token: str
    session_id: str = ""
    endpoint: str = ""
    ids: Iterator[int] = field(default_factory=itertools.count)

    async def send(
        self, replicas: Replicas, gateway: Replica, http_method: str = "POST", **message: object
    ) -> httpx.Response:
        """One request of this session, arriving at `gateway`."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-11-25",
            **({"Mcp-Session-Id": self.session_id} if self.session_id else {}),
        }
        url = replicas.public_url + SERVERS[self.server][0]
        async with replicas.client(Door(gateway)) as http:
            body = {"jsonrpc": "2.0", **message} if message else None
            return await http.request(http_method, url, json=body, headers=headers)

    async def begin(self, replicas: Replicas, gateway: Replica) -> None:
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        answer = await self.send(replicas, gateway, id=next(self.ids), method="initialize", params=params)
        assert answer.status_code == 200, answer.text
        self.session_id = answer.headers["mcp-session-id"]
        assert (await self.send(replicas, gateway, method="notifications/initialized")).status_code == 202
        self.endpoint = await self.where(replicas, gateway)

    async def where(self, replicas: Replicas, gateway: Replica) -> str:
        """What the endpoint that a call lands at is called; it has to be one that knows the session."""
        params = {"name": "where", "arguments": {}}
        answer = await self.send(replicas, gateway, id=next(self.ids), method="tools/call", params=params)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["result"]["content"][0]["text"])

    @asynccontextmanager
    async def stream(self, replicas: Replicas, gateway: Replica) -> AsyncIterator[httpx.Response]:
        """The stream of the session, opened through `gateway`."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
        headers |= {"Mcp-Session-Id": self.session_id, "MCP-Protocol-Version": "2025-11-25"}
        url = replicas.public_url + SERVERS[self.server][0]
        async with replicas.client(Door(gateway)) as http, http.stream("GET", url, headers=headers) as response:
            yield response


async def signed_in(replicas: Replicas, server: str) -> str:
    """An access token for the MCP server."""
    async with conversation(replicas) as talk:
        await talk.until("consent page")
        talk.client.path = SERVERS[server][0]
        await talk.until("first call")
        return str(talk.tokens["access_token"])


@pytest.mark.requirement("RS-08", "RS-07", "RS-01", "ST-04")
async def test_every_call_of_a_session_lands_where_the_session_lives(redis_server: RedisServer) -> None:
    with running_endpoints() as ports, anyio.fail_after(120):

        def three_servers(config: str) -> str:
            return re.sub(r"  servers:\n(?:    .*\n)+", servers_of(ports), config)

        async with running_replicas(redis_server.url, three_servers) as replicas:
            tokens = {server: await signed_in(replicas, server) for server in SERVERS}
            sessions = [Session(server, tokens[server]) for server in ("wiki", "default", "pay") * 4]
            gateways = itertools.cycle(replicas.gateways)
            for session in sessions:
                await session.begin(replicas, next(gateways))
            created = [session.endpoint for session in sessions if session.server == "wiki"]
            assert {created.count("wiki-1"), created.count("wiki-2")} == {2}
            await they_stay(replicas, sessions)
            for gateway in replicas.gateways:
                gateway.kill()
            for gateway in replicas.gateways:
                await gateway.start()
            await they_stay(replicas, sessions)
            await they_end(replicas, sessions)


async def they_stay(replicas: Replicas, sessions: list[Session]) -> None:
    """Through either gateway, and turned about: calls, the stream, and no session at another server."""
    for session, gateway in itertools.product(sessions, replicas.gateways):
        assert await session.where(replicas, gateway) == session.endpoint
    for session in sessions[:3]:
        for gateway in replicas.gateways:
            async with session.stream(replicas, gateway) as stream:
                assert (stream.status_code, stream.headers["content-type"]) == (200, "text/event-stream")
    wiki, tools = sessions[0], sessions[1]
    astray = Session("default", tools.token, wiki.session_id)
    answer = await astray.send(replicas, replicas.gateways[0], id=1, method="ping")
    assert answer.status_code == 404
    foreign = Session("default", wiki.token, tools.session_id)
    assert (await foreign.send(replicas, replicas.gateways[1], id=1, method="ping")).status_code == 401


async def they_end(replicas: Replicas, sessions: list[Session]) -> None:
    """A session that is ended through one gateway is over through both, and the others are not."""
    ended, first, second = sessions[0], *replicas.gateways
    assert (await ended.send(replicas, first, "DELETE")).status_code == 200
    for gateway in (first, second):
        assert (await ended.send(replicas, gateway, id=99, method="ping")).status_code == 404
    for session in sessions[1:]:
        assert await session.where(replicas, second) == session.endpoint
