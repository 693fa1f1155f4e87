"""The lane: what passes there is answered as the application answers it, and what is not certain passes not there."""

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mcp_gateway.lane.asked import Asked, Known
from mcp_gateway.proxy.messages import RoutingHeaders
from mcp_gateway.proxy.upstream_http.limits import Limits
from mcp_gateway.proxy.upstream_http.transport import open_transport
from mcp_gateway.settings.policies import ScopeSettings, ToolSettings
from tests.support.gateway import GATEWAY, World
from tests.support.road import BODY, CALL, answer_from, road
from tests.support.servers import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TP-07")]


def comparable(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """Without what is another at each call."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"date", "x-request-id"}}
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize("status", [200, 202, 400, 404, 500])
async def test_what_passes_is_answered_as_the_application_answers_it(status: int) -> None:
    async with road(remembered=False) as found:
        found.world.upstream.status = status
        found.world.upstream.headers = {"Mcp-Session-Id": "s1", "Cache-Control": "no-cache", "Set-Cookie": "a=b"}
        first, by_application = await found.passes()
        second, in_lane = await found.passes()

        assert (first, second) == (False, True)
        assert comparable(in_lane) == comparable(by_application)
        assert re.fullmatch("[0-9a-f]{16}", in_lane.headers["x-request-id"])
        assert in_lane.headers["x-request-id"] != by_application.headers["x-request-id"]


@pytest.mark.parametrize("way", ["none", "identity"])
async def test_the_mcp_server_gets_what_it_gets_from_the_application(way: str) -> None:
    sent = {"Mcp-Param-Region": "eu", "Cookie": "a=b", "X-Forwarded-User": "root", "X-Request-Id": "chosen-by-caller"}
    async with road(remembered=False, credentials=way) as found:
        assert [(await found.passes(headers=sent))[0] for _ in range(2)] == [False, True]

        by_application, in_lane = found.world.upstream.received
        assert dict(in_lane.headers) == dict(by_application.headers)
        assert in_lane.headers["x-request-id"] == "chosen-by-caller"
        assert found.world.upstream.bodies == [BODY, BODY]


UNUSUAL = [
    pytest.param({"headers": {"Origin": GATEWAY}}, 200, id="a page's origin"),
    pytest.param({"headers": {"Origin": "https://evil.test"}}, 403, id="a strange page's origin"),
    pytest.param({"headers": {"Host": "evil.test"}}, 403, id="another host"),
    pytest.param({"headers": {"Authorization": None}}, 401, id="no token"),
    pytest.param({"headers": {"Authorization": "Bearer stranger"}}, 401, id="an unknown token"),
    pytest.param({"headers": {"Authorization": "Basic eDp5"}}, 401, id="another scheme"),
    pytest.param({"params": {"a": "b"}}, 200, id="a query"),
    pytest.param({"params": {"access_token": "x"}}, 400, id="a token in the query"),
    pytest.param({"method": "PUT"}, 405, id="another method"),
    pytest.param({"content": b"x" * 70_000}, 200, id="a long body"),
]


@pytest.mark.parametrize(("options", "status"), UNUSUAL)
async def test_what_is_unusual_is_looked_at_by_the_application(options: dict[str, Any], status: int) -> None:
    async with road() as found:
        passed, answer = await found.passes(**options)
        assert (passed, answer.status_code) == (False, status)
        # And whatever came, the next usual call passes again.
        assert (await found.passes())[0]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(["Authorization: Bearer x"], id="two tokens"),
        pytest.param(["Host: mcp.test"], id="two hosts"),
        pytest.param(["X-Request-Id: aaaaaaaa", "X-Request-Id: bbbbbbbb"], id="two request ids"),
        pytest.param(["Expect: 100-continue"], id="waiting to be told to go on"),
    ],
)
async def test_a_request_that_says_things_twice_is_looked_at_too(headers: list[str]) -> None:
    async with road() as found:
        before = len(found.looked_at)
        await found.say(found.request(*headers, "Connection: close"))
        assert len(found.looked_at) == before + 1


async def test_a_token_for_one_mcp_server_passes_to_no_other() -> None:
    async with road() as found:
        passed, answer = await found.passes(url=found.url.replace("/mcp", "/other/mcp"))
        assert (passed, answer.status_code) == (False, 401)
        assert len(found.world.upstream.received) == 1


async def test_a_token_that_lacks_a_scope_does_not_pass_however_often_it_comes() -> None:
    scopes: dict[str, str | ScopeSettings] = {"mcp": "All", "more": "More"}
    async with road(scopes=scopes, required_scopes=("more",)) as found:
        found.token = (await found.world.tokens(await found.world.register(), scope="mcp"))["access_token"]
        assert [(await found.passes())[1].status_code for _ in range(3)] == [403, 403, 403]
        assert len(found.world.upstream.received) == 1


async def test_a_token_passes_until_it_ends_and_no_longer() -> None:
    async with road() as found:
        found.world.clock.advance(timedelta(seconds=600))
        assert (await found.passes())[1].status_code == 401


async def test_after_a_second_somebody_asks_whether_a_grant_has_ended() -> None:
    async with road() as found:
        assert (await found.passes())[0]
        found.world.clock.advance(timedelta(seconds=1))
        assert not (await found.passes())[0]
        assert (await found.passes())[0]


async def test_a_grant_that_ended_lets_nobody_pass() -> None:
    async with road(remembered=False) as found:
        tokens = await found.world.tokens(client := await found.world.register())
        found.token = tokens["access_token"]
        assert [(await found.passes())[0] for _ in range(2)] == [False, True]
        form = {"token": tokens["refresh_token"], "client_id": client.client_id}
        assert (await found.world.http.post(f"{GATEWAY}/oauth/revoke", data=form)).status_code == 200

        found.world.clock.advance(timedelta(seconds=1))
        assert [(await found.passes())[1].status_code for _ in range(2)] == [401, 401]


async def test_requests_sent_together_are_answered_in_their_order() -> None:
    async with road() as found:
        numbered = [found.request(f"X-Request-Id: request-{n}") for n in range(4)]
        odd = found.request("X-Request-Id: request-4", "Origin: https://mcp.test")
        answered = await found.say(*numbered[:2], odd, *numbered[2:], found.request("Connection: close"))

        ids = re.findall(rb"x-request-id: (request-\d)", answered)
        assert ids == [b"request-0", b"request-1", b"request-4", b"request-2", b"request-3"]
        assert answered.count(b"HTTP/1.1 200 OK") == 6


async def test_a_connection_that_is_to_end_ends_after_the_answer() -> None:
    async with road() as found:
        before = len(found.looked_at)
        answered = await found.say(found.request("Connection: close"))
        assert len(found.looked_at) == before
        assert b"connection: close\r\n" in answered
        assert answered.endswith(b'"result":{}}')


async def test_calls_that_repeat_a_head_are_each_their_own() -> None:
    async with road(credentials="identity") as found, found.connected() as (reader, writer):
        for number in (1, 22, 333):
            body = json.dumps(CALL | {"id": number}).encode()
            writer.write(found.request(body=body))
            assert (await answer_from(reader))[1] == b'{"jsonrpc":"2.0","id":1,"result":{}}'
            assert found.world.upstream.bodies[-1] == body
        assert len(found.looked_at) == 1

        _, *repeated = found.world.upstream.received
        assert len({each.headers["x-request-id"] for each in repeated}) == 3
        users = {each.headers["x-forwarded-user"] for each in found.world.upstream.received}
        assert len(users) == 1


async def test_a_head_that_is_repeated_means_what_it_meant_whatever_came_between() -> None:
    async with road(credentials="identity") as found, found.connected() as (reader, writer):
        own, found.world.auth.person = found.request(), "bob"
        token = (await found.world.tokens(await found.world.register()))["access_token"]
        # Spelt like this, a length is understood, but the head is not learnt.
        others = own.replace(found.token.encode(), token.encode()).replace(b"Length: ", b"Length: 0")
        found.token = token
        await found.call()
        before = len(found.looked_at)
        for request in (own, others, own):
            writer.write(request)
            await answer_from(reader)
        assert len(found.looked_at) == before

        users = [each.headers["x-forwarded-user"] for each in found.world.upstream.received[-3:]]
        assert users[0] == users[2] != users[1]


async def test_a_repeated_call_waits_until_the_one_before_is_answered() -> None:
    async with road() as found, found.connected() as (reader, writer):
        writer.write(found.request())
        await answer_from(reader)
        held = Held(found.world)
        writer.write(found.request("Origin: https://mcp.test", "X-Request-Id: the-one-before"))
        await held.arrived.wait()
        writer.write(found.request())
        # Once this one is answered, the other has been read too.
        await found.call()
        held.go_on.set()
        heads = [(await answer_from(reader))[0] for _ in range(2)]
        assert [b"the-one-before" in head for head in heads] == [True, False]


@dataclass
class Held:
    """An answer of the MCP server that waits; the next ones do not."""

    world: World
    arrived: anyio.Event = field(default_factory=anyio.Event)
    go_on: anyio.Event = field(default_factory=anyio.Event)

    def __post_init__(self) -> None:
        self.world.upstream.answer = self._answer

    async def _answer(self, request: Request) -> Response:
        self.world.upstream.answer = None
        self.arrived.set()
        await self.go_on.wait()
        return await self.world.upstream.mcp(request)


async def test_a_call_for_which_there_is_no_connection_yet_passes_when_there_is_one() -> None:
    async with road() as found, anyio.create_task_group() as group:
        held = Held(found.world)
        group.start_soon(found.call)
        await held.arrived.wait()
        passed, answer = await found.passes()
        held.go_on.set()
        assert (passed, answer.status_code) == (True, 200)


async def test_a_server_that_cannot_be_reached_is_told_of_as_the_application_does() -> None:
    async with road(remembered=False, url=f"http://127.0.0.1:{free_port()}/mcp") as found:
        first, by_application = await found.passes()
        second, in_lane = await found.passes()
        assert (first, second) == (False, True)
        assert (in_lane.status_code, in_lane.headers["content-type"]) == (502, by_application.headers["content-type"])
        told, expected = in_lane.json(), by_application.json()
        assert told.pop("request_id") == in_lane.headers["x-request-id"]
        assert expected.pop("request_id")
        assert told == expected


async def test_whoever_leaves_while_waiting_for_a_connection_leaves_it_to_the_others() -> None:
    async with (
        road(limits=Limits(connections=1, waits_within=timedelta(seconds=1))) as found,
        anyio.create_task_group() as group,
    ):
        held = Held(found.world)
        group.start_soon(found.call)
        await held.arrived.wait()
        async with found.connected() as (_, writer):
            writer.write(found.request())
            # It is read before the answer to this one is.
            assert (await found.http.get(found.url.replace("/mcp", "/metrics"))).status_code == 200
        assert (await found.http.get(found.url.replace("/mcp", "/metrics"))).status_code == 200
        held.go_on.set()
        assert (await found.passes())[0]
        assert len(found.world.upstream.received) == 3


async def test_a_repeated_call_is_looked_at_as_soon_as_it_has_to_be() -> None:
    async with road() as found, found.connected() as (reader, writer):
        for _ in range(2):
            writer.write(found.request())
            assert (await answer_from(reader))[0].startswith(b"HTTP/1.1 200 ")
        before = len(found.looked_at)
        found.world.clock.advance(timedelta(seconds=600))
        writer.write(found.request())
        assert (await answer_from(reader))[0].startswith(b"HTTP/1.1 401 ")
        assert len(found.looked_at) == before + 1


async def test_a_repeated_call_that_the_application_takes_over_has_the_length_that_it_has() -> None:
    upstream = Unsteady("wants credentials", well=3)
    async with road(upstream) as found, found.connected() as (reader, writer):
        answered = b"", b""
        for body in (BODY, BODY, BODY + b" " * 5):
            writer.write(found.request(body=body))
            answered = await answer_from(reader)
        assert answered[0].startswith(b"HTTP/1.1 502 ")
        assert (b"content-length", b"%d" % (len(BODY) + 5)) in found.looked_at[-1]["headers"]


async def test_what_strangers_ask_is_not_kept() -> None:
    async with road() as found:
        protocol: Any = found.world.gateway.protocol
        [lane] = protocol.args
        known = lane.routes[b"/mcp"].known
        for token in ("stranger", "another stranger"):
            assert (await found.call(headers={"Authorization": f"Bearer {token}"})).status_code == 401
        assert len(known) == 0
        assert (await found.passes())[0]
        assert len(known) == 1


def test_what_was_asked_is_kept_for_as_many_as_there_is_room_for() -> None:
    known, what = Known(most=2, longest=20), Asked("key", "POST", [], RoutingHeaders("POST", []))
    for name in (b"a", b"b", b"c"):
        known.keep(((name, b"1"),), what)
    known.keep(((b"d", b"1" * 20),), what)
    assert [known.find(((name, b"1"),)) for name in (b"a", b"b", b"c")] == [None, what, what]
    assert known.find(((b"d", b"1" * 20),)) is None


@dataclass
class Unsteady:
    """An MCP server that answers well at first, and then as a test wants."""

    then: str = ""
    well: int = 1
    calls: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        while (await receive()).get("more_body"):
            pass
        behaviour = self.then if self.calls > self.well else ""
        if behaviour == "silent":
            raise ConnectionAbortedError
        status = {"redirects": 307, "wants credentials": 401}.get(behaviour, 200)
        length = [] if behaviour == "breaks" else [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": status, "headers": length})
        await send({"type": "http.response.body", "body": b"{}", "more_body": behaviour == "breaks"})


@pytest.mark.parametrize("then", ["redirects", "wants credentials"])
async def test_an_answer_that_cannot_be_passed_on_is_refused_as_the_application_refuses_it(then: str) -> None:
    async with road(Unsteady(then)) as found:
        passed, answer = await found.passes()
        assert answer.status_code == 502
        assert answer.json()["error"] == "bad_gateway"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        # Whoever answers 401 has done nothing: there the application asks for other credentials.
        assert passed is (then != "wants credentials")


async def test_an_answer_that_breaks_off_breaks_off_here_too() -> None:
    async with road(Unsteady("breaks")) as found:
        with pytest.raises(httpx.RemoteProtocolError):
            await found.call()


async def test_tools_that_are_denied_are_denied_and_the_others_pass() -> None:
    tools = ToolSettings(exclude_tools=("get_secret",))
    async with road(tools=tools) as found:
        secret = json.dumps(CALL | {"params": {"name": "get_secret", "arguments": {}}}).encode()
        passed, denied = await found.passes(content=secret)
        assert (passed, denied.status_code) == (False, 403)
        assert (await found.passes())[0]
        listing = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}).encode()
        assert not (await found.passes(content=listing))[0]
        twice = BODY.replace(b'"method"', b'"method": "ping", "method"', 1)
        assert (await found.passes(content=twice))[1].status_code == 400
        assert found.world.upstream.bodies == [BODY, BODY, listing]


async def listing_stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Brings the answer to an earlier list of tools with that to a call."""
    tools = {"jsonrpc": "2.0", "id": 7, "result": {"tools": [{"name": "echo"}, {"name": "get_secret"}]}}
    event = f"data: {json.dumps(tools)}\n\n".encode()
    headers = [(b"content-type", b"text/event-stream"), (b"content-length", b"%d" % len(event))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": event})


async def test_what_is_not_shown_is_not_shown_in_the_lane_either() -> None:
    async with road(listing_stream, remembered=False, tools=ToolSettings(exclude_tools=("get_secret",))) as found:
        by_application = (await found.call()).text
        passed, answer = await found.passes()
        assert passed
        assert answer.text == by_application
        assert "echo" in answer.text
        assert "get_secret" not in answer.text


async def test_a_call_in_the_lane_is_one_line_and_one_count(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="access")
    async with road() as found:
        for _ in range(3):
            assert (await found.passes(headers={"X-Request-Id": "chosen-by-caller"}))[0]
        written = ""
        while written.count("chosen-by-caller") < 3:
            written += capsys.readouterr().out
            await anyio.lowlevel.checkpoint()
        exposed = (await found.http.get(found.url.replace("/mcp", "/metrics"))).text

    lines = [json.loads(line) for line in written.splitlines() if "chosen-by-caller" in line]
    assert [(line["event"], line["method"], line["path"], line["status"]) for line in lines] == [
        ("request", "POST", "/mcp", 200)
    ] * 3
    samples = [sample for family in text_string_to_metric_families(exposed) for sample in family.samples]
    counted = {s.name: s.value for s in samples if s.labels.get("route") == "/mcp" and "_bucket" not in s.name}
    assert counted["authproxy_requests_total"] == counted["authproxy_request_duration_seconds_count"] == 4


async def test_without_the_lane_the_application_has_every_call() -> None:
    world = World(transport=open_transport(), fast_lane=False)
    assert world.gateway.protocol is None
