"""The lane's two connections, when whoever is at the other end of one does what is allowed, or is not."""

import re

import anyio
import anyio.lowlevel
import pytest

from mcp_gateway.proxy.upstream_http.connection import Connection
from mcp_gateway.proxy.upstream_http.failures import Broken
from mcp_gateway.proxy.upstream_http.limits import Limits
from mcp_gateway.proxy.upstream_http.pool import Pool
from tests.support.road import BODY, answer_from, road
from tests.support.scripted_server import Peer, scripted

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TP-07")]

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


async def answering(peer: Peer) -> None:
    while True:
        await peer.answer(ANSWER)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{}", id="ends with its connection"),
        pytest.param(ANSWER + ANSWER, id="another one behind it"),
    ],
)
async def test_a_whole_answer_ends_once_so_that_those_behind_it_keep_their_order(last: bytes) -> None:
    arrived, go_on = anyio.Event(), anyio.Event()

    async def at_first(peer: Peer) -> None:
        await peer.answer(ANSWER)
        await peer.answer(last)

    async def held(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await go_on.wait()
        await peer.say(ANSWER)
        await answering(peer)

    async with scripted(at_first, held, answering) as server, road(url=server.url) as found:
        async with found.connected() as (reader, writer):
            for number in (1, 2, 3):
                writer.write(found.request(f"X-Request-Id: request-{number}", *["Connection: close"] * (number == 3)))
            await arrived.wait()
            # Whatever was begun together with the one that is held is answered by then.
            assert (await found.call(headers={"X-Request-Id": "another-one"})).status_code == 200
            assert not any(b"request-3" in request for request in server.requests)
            go_on.set()
            answered = await reader.read()
        assert re.findall(rb"x-request-id: (request-[1-3])", answered) == [b"request-1", b"request-2", b"request-3"]


async def test_a_whole_answer_is_no_failure_of_the_mcp_server() -> None:
    async def closing(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 200 OK\r\n\r\n{}")

    async with scripted(closing) as server, road(url=server.url) as found:
        assert (await found.passes())[0]
        metrics = (await found.http.get(found.url.replace("/mcp", "/metrics"))).text
        assert 'authproxy_dependency_failures_total{dependency="upstream"} 0.0' in metrics


@pytest.mark.parametrize(
    "between",
    [
        pytest.param("GET /health/live", id="to another page"),
        pytest.param("PUT /mcp", id="with another method"),
        pytest.param("GET /health/live HTTP/1.1\r\nExpect: 100-continue", id="waiting to be told to go on"),
    ],
)
async def test_a_repeated_call_that_the_application_takes_over_is_the_call_that_it_was(between: str) -> None:
    async def wants_credentials(peer: Peer) -> None:
        await peer.answer(ANSWER)
        await peer.answer(ANSWER)
        await peer.answer(ANSWER.replace(b"200 OK", b"401 Unauthorized"))

    async with scripted(wants_credentials, answering) as server, road(url=server.url) as found:
        async with found.connected() as (reader, writer):
            line, _, headers = between.partition(" HTTP/1.1")
            other = (
                f"{line} HTTP/1.1\r\nHost: mcp.test\r\nAuthorization: Bearer {found.token}{headers}\r\n\r\n".encode()
            )
            longer = BODY + b" " * 5
            for request in (found.request(), other):
                writer.write(request)
                await answer_from(reader)
            writer.write(found.request(body=longer))
            assert (await answer_from(reader))[0].startswith(b"HTTP/1.1 200 ")
        taken_over = found.looked_at[-1]
        assert (taken_over["method"], taken_over["path"]) == ("POST", "/mcp")
        assert (b"content-length", b"%d" % len(longer)) in taken_over["headers"]
        asked = [(request.partition(b" ")[0], request.endswith(longer)) for request in server.requests]
        assert asked == [(b"POST", False)] * 2 + [(b"POST", True)] * 2


async def test_whoever_does_not_read_is_left_to_the_application_which_waits_for_them() -> None:
    async with road() as found, found.connected() as (reader, writer):
        writer.write(found.request())
        await answer_from(reader)
        visitor, before = found.visitors[-1], len(found.looked_at)
        # As the transport says when much of what was written has not been taken.
        visitor.pause_writing()
        writer.write(found.request())
        while len(found.world.upstream.received) < 3:
            await anyio.lowlevel.checkpoint()
        assert len(found.looked_at) == before + 1
        visitor.resume_writing()
        assert (await answer_from(reader))[0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("is_repeated", [False, True], ids=["at once", "with a head that is repeated"])
async def test_a_message_that_the_application_refuses_as_too_long_does_not_pass(is_repeated: bool) -> None:
    async with road(adapter={"max_body_bytes": 2000}) as found, found.connected() as (reader, writer):
        if is_repeated:
            writer.write(found.request())
            assert (await answer_from(reader))[0].startswith(b"HTTP/1.1 200 ")
        writer.write(found.request(body=BODY + b" " * 2000))
        assert (await answer_from(reader))[0].startswith(b"HTTP/1.1 413 ")
        assert set(found.world.upstream.bodies) == {BODY}


async def test_a_long_message_does_not_pass_with_a_repeated_head_either() -> None:
    async with road() as found, found.connected() as (reader, writer):
        writer.write(found.request())
        await answer_from(reader)
        before = len(found.looked_at)
        # As it comes where the kernel has all of it at once.
        found.visitors[-1].data_received(found.request(body=BODY + b" " * 70_000))
        await answer_from(reader)
        assert len(found.looked_at) == before + 1


async def test_a_call_whose_connection_has_ended_before_it_was_used_waits_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrived, go_on = anyio.Event(), anyio.Event()
    released = Pool.released

    def ends_as_it_is_handed_on(pool: Pool, connection: Connection) -> None:
        released(pool, connection)
        connection.end(Broken("it hung up"))

    async def held(peer: Peer) -> None:
        await peer.answer(ANSWER)
        await peer.request()
        arrived.set()
        await go_on.wait()
        await peer.say(ANSWER)
        await peer.hung_up()

    limits = Limits(connections=1)
    async with scripted(held, answering) as server, road(url=server.url, limits=limits) as found:
        async with anyio.create_task_group() as group, found.connected() as (reader, writer):
            group.start_soon(found.call)
            await arrived.wait()
            # What is behind it keeps the application from taking it over.
            writer.write(found.request() + found.request("Connection: close"))
            assert (await found.http.get(found.url.replace("/mcp", "/metrics"))).status_code == 200
            monkeypatch.setattr(Pool, "released", ends_as_it_is_handed_on)
            go_on.set()
            answered = await reader.read()
        assert re.findall(rb"HTTP/1.1 (\d+)", answered) == [b"200", b"200"]


async def test_what_is_said_of_a_trace_is_passed_without_the_space_around_it() -> None:
    async with road() as found:
        before = len(found.looked_at)
        await found.say(
            found.request(
                "traceparent:  00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 \t", "Connection: close"
            )
        )
        assert len(found.looked_at) == before
        assert found.world.upstream.received[-1].headers["traceparent"].endswith("-01")


async def test_a_token_behind_a_body_lets_nobody_pass() -> None:
    async with road() as found:
        lines = ["POST /mcp HTTP/1.1", "Host: mcp.test", "Transfer-Encoding: chunked", "Connection: close", "", ""]
        body = f"{len(BODY):x}\r\n{BODY.decode()}\r\n0\r\nAuthorization: Bearer {found.token}\r\n\r\n"
        answered = await found.say("\r\n".join(lines).encode() + body.encode())
        assert answered.startswith(b"HTTP/1.1 401 ")
        assert len(found.world.upstream.received) == 1
