"""Connections: which are kept, how many there are, who gets the next one, and what is sent a second time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from authproxy_common.errors import BadGateway, TemporarilyUnavailable
from mcp_gateway.proxy.transport import UpstreamGone, UpstreamNotReached
from mcp_gateway.proxy.upstream_http.transport import PooledTransport
from tests.support.gate import Gate
from tests.support.scripted_server import Peer, Script, scripted
from tests.support.servers import free_port
from tests.support.upstream_calls import a_request, call

pytestmark = pytest.mark.anyio

DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
HELD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nheld\r\n"

Open = Callable[..., PooledTransport]


async def answering(peer: Peer) -> None:
    """As long as somebody asks."""
    while True:
        await peer.answer(DONE)


async def holding(peer: Peer) -> None:
    """An answer that does not end."""
    await peer.answer(HELD)
    await peer.hung_up()


def gated(gate: Gate) -> Script:
    """The first answer waits for the gate, the others do not."""

    async def script(peer: Peer) -> None:
        await peer.request()
        gate.reached.set()
        await gate.opened.wait()
        await peer.say(DONE)
        await answering(peer)

    return script


@asynccontextmanager
async def unaccepting() -> AsyncIterator[str]:
    """An upstream that takes the connection and never says a word of TLS."""
    async with scripted(Peer.hung_up) as server:
        yield server.url.replace("http:", "https:")


async def until(is_so: Callable[[], bool]) -> None:
    """Let others run until it is; bounded by the server's own bound."""
    while not is_so():
        await anyio.lowlevel.checkpoint()


@pytest.mark.requirement("TP-03")
async def test_calls_one_after_the_other_share_a_connection(transport: PooledTransport) -> None:
    async with scripted(answering) as server:
        for method in ("GET", "POST", "DELETE", "POST"):
            assert (await call(transport, server.url, method)).body == b"done"
        assert len(server.peers) == 1


@pytest.mark.requirement("TP-03")
async def test_the_connection_that_was_used_last_is_used_next(transport: PooledTransport) -> None:
    gates = [Gate(), Gate()]
    async with scripted(gated(gates[0]), gated(gates[1])) as server, asyncio.TaskGroup() as group:
        first = group.create_task(call(transport, server.url))
        await gates[0].wait_until_reached()
        second = group.create_task(call(transport, server.url))
        await gates[1].wait_until_reached()
        gates[1].opened.set()
        await second
        gates[0].opened.set()
        await first
        for _ in range(3):
            await call(transport, server.url)
        assert [len(peer.requests) for peer in server.peers] == [4, 1]


@pytest.mark.requirement("TP-03")
async def test_a_connection_that_nobody_uses_is_closed_before_the_upstream_would(transport: PooledTransport) -> None:
    async with scripted(answering) as server:
        began = asyncio.get_running_loop().time()
        await call(transport, server.url)
        transport.end_overdue(began + 3.9)
        assert transport.places_taken == 1
        transport.end_overdue(asyncio.get_running_loop().time() + 4.1)
        await server.peers[0].has_ended.wait()
        assert (await call(transport, server.url)).body == b"done"
        assert len(server.peers) == 2


@pytest.mark.requirement("TP-03")
async def test_a_connection_that_the_upstream_closes_in_between_is_not_used_again(transport: PooledTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(DONE)

    async with scripted(script) as server:
        for count in (1, 2, 3):
            assert (await call(transport, server.url, "POST")).body == b"done"
            await until(lambda: transport.places_taken == 0)
            assert len(server.peers) == count


@pytest.mark.requirement("TP-02", "TP-03")
async def test_what_comes_while_nobody_asks_is_nobodys_answer(transport: PooledTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(DONE)
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        await peer.hung_up()

    async with scripted(script, answering) as server:
        await call(transport, server.url)
        await server.peers[0].has_ended.wait()
        assert (await call(transport, server.url)).body == b"done"


@pytest.mark.requirement("TP-03")
async def test_an_answer_that_comes_before_the_request_was_read_ends_the_connection(transport: PooledTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo long")
        await peer.has_ended.wait()

    async with scripted(script, answering) as server:
        outcome = await call(transport, server.url, "POST", body=b"x" * 32_000_000)
        assert (outcome.status, outcome.body) == (413, b"too long")
        assert (await call(transport, server.url)).body == b"done"
        assert len(server.peers) == 2


@pytest.mark.requirement("TP-05")
async def test_calls_above_the_limit_wait_and_are_served_in_their_order(open_transport: Open) -> None:
    transport, gate, order = open_transport(connections=1), Gate(), list[int]()

    async def numbered(number: int, url: str) -> None:
        await call(transport, url, "POST")
        order.append(number)

    async with scripted(gated(gate)) as server, asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(numbered(number, server.url))
        await gate.wait_until_reached()
        assert transport.places_taken == 1
        gate.opened.set()
    assert order == [0, 1, 2, 3, 4]
    assert len(server.peers) == 1


@pytest.mark.requirement("TP-05", "OP-04")
async def test_a_call_too_many_is_turned_away_at_once(open_transport: Open) -> None:
    transport, gate = open_transport(connections=2, waiting=1), Gate()
    async with scripted(gated(gate)) as server, asyncio.TaskGroup() as group:
        calls = [group.create_task(call(transport, server.url)) for _ in range(3)]
        await until(lambda: len(server.requests) == 2)
        with pytest.raises(TemporarilyUnavailable) as refused:
            await call(transport, server.url)
        assert (refused.value.dependency, refused.value.status) == ("upstream", 503)
        gate.opened.set()
    assert [each.result().body for each in calls] == [b"done"] * 3


@pytest.mark.requirement("TP-05", "OP-04")
async def test_a_call_that_waits_too_long_is_turned_away(open_transport: Open) -> None:
    transport = open_transport(connections=1)
    async with scripted(holding) as server, transport.send(a_request(server.url)):
        began = asyncio.get_running_loop().time()
        waiting = asyncio.ensure_future(call(transport, server.url))
        await anyio.wait_all_tasks_blocked()
        transport.end_overdue(began + 4.9)
        await anyio.wait_all_tasks_blocked()
        assert not waiting.done()
        transport.end_overdue(asyncio.get_running_loop().time() + 5.1)
        with pytest.raises(TemporarilyUnavailable):
            await waiting


@pytest.mark.requirement("TP-05")
async def test_one_origin_that_is_busy_keeps_nobody_from_another(open_transport: Open) -> None:
    transport = open_transport(connections=1)
    async with scripted(holding) as busy, scripted(answering) as free, transport.send(a_request(busy.url)):
        assert (await call(transport, free.url)).body == b"done"


@pytest.mark.requirement("TP-05", "OP-04")
async def test_where_nothing_listens_the_upstream_is_not_reached(transport: PooledTransport) -> None:
    with pytest.raises(UpstreamNotReached) as failed:
        await call(transport, f"http://127.0.0.1:{free_port()}/mcp")
    assert isinstance(failed.value.__cause__, ConnectionRefusedError)
    assert transport.places_taken == 0


@pytest.mark.requirement("TP-05", "OP-04")
@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".invalid"])
async def test_a_name_without_an_address_is_not_reached(transport: PooledTransport, host: str) -> None:
    with pytest.raises(UpstreamNotReached):
        await call(transport, f"http://{host}/mcp")
    assert transport.places_taken == 0


@pytest.mark.requirement("TP-05")
async def test_each_of_many_calls_hears_that_the_upstream_is_not_there(open_transport: Open) -> None:
    transport, url = open_transport(connections=2), f"http://127.0.0.1:{free_port()}/mcp"
    outcomes = await asyncio.gather(*(call(transport, url) for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {UpstreamNotReached}


@pytest.mark.requirement("TP-06")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_an_upstream_is_a_name_or_an_address_of_either_kind(transport: PooledTransport, host: str) -> None:
    async with scripted(answering, host=host) as server:
        assert (await call(transport, server.url)).body == b"done"
        assert b"\r\nhost: " + server.origin.removeprefix("http://").encode() in server.requests[0]


def hangs_up(how: str) -> Script:
    """An upstream that closes a kept connection just when it is used again."""

    async def script(peer: Peer) -> None:
        await peer.answer(DONE)
        await peer.request()
        if how == "in the middle of a word":
            await peer.say(b"H")
        if how == "by a reset":
            peer.reset()

    return script


HANGING_UP = ["at once", "by a reset"]


@pytest.mark.requirement("TP-04")
@pytest.mark.parametrize("how", HANGING_UP)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
async def test_what_may_be_repeated_is_asked_once_more_where_a_kept_connection_had_been_closed(
    transport: PooledTransport, method: str, how: str
) -> None:
    async with scripted(hangs_up(how), answering) as server:
        await call(transport, server.url, method="GET")
        assert (await call(transport, server.url, method)).status == 200
        assert [len(peer.requests) for peer in server.peers] == [2, 1]


@pytest.mark.requirement("TP-04")
@pytest.mark.parametrize("how", HANGING_UP)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "get"])
async def test_what_may_not_be_repeated_is_sent_once(transport: PooledTransport, method: str, how: str) -> None:
    async with scripted(hangs_up(how), answering) as server:
        await call(transport, server.url, method="GET")
        with pytest.raises(BadGateway):
            await call(transport, server.url, method, body=b"{}")
        assert [len(peer.requests) for peer in server.peers] == [2]


@pytest.mark.requirement("TP-04")
async def test_nothing_is_asked_again_once_a_byte_of_the_answer_has_come(transport: PooledTransport) -> None:
    async with scripted(hangs_up("in the middle of a word"), answering) as server:
        await call(transport, server.url)
        with pytest.raises(BadGateway):
            await call(transport, server.url)
        assert [len(peer.requests) for peer in server.peers] == [2]


@pytest.mark.requirement("TP-04")
async def test_nothing_is_asked_again_where_the_connection_was_new(transport: PooledTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()

    async with scripted(script) as server:
        with pytest.raises(BadGateway):
            await call(transport, server.url)
        assert len(server.requests) == 1


@pytest.mark.requirement("TP-04")
async def test_nothing_is_asked_a_third_time(open_transport: Open) -> None:
    transport, gates = open_transport(), [Gate(), Gate()]

    def script(gate: Gate) -> Script:
        async def held_then_gone(peer: Peer) -> None:
            await peer.request()
            gate.reached.set()
            await gate.opened.wait()
            await peer.say(DONE)
            await peer.request()

        return held_then_gone

    async def gone(peer: Peer) -> None:
        await peer.request()

    async with scripted(script(gates[0]), script(gates[1]), gone) as server:
        calls = [asyncio.ensure_future(call(transport, server.url)) for _ in gates]
        for gate in gates:
            await gate.wait_until_reached()
        for gate in gates:
            gate.opened.set()
        await asyncio.gather(*calls)
        with pytest.raises(BadGateway):
            await call(transport, server.url)
        # The second time on a new connection: the other one that had been kept was as old as the first.
        assert sorted(len(peer.requests) for peer in server.peers) == [1, 1, 2]


@pytest.mark.requirement("TP-04")
async def test_a_connection_that_ends_while_it_is_handed_over_costs_nobody_a_call(open_transport: Open) -> None:
    transport, gate = open_transport(connections=1), Gate()

    async def last(peer: Peer) -> None:
        await peer.request()
        gate.reached.set()
        await gate.opened.wait()
        await peer.say(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndone")

    async with scripted(last) as server:
        calls = [asyncio.ensure_future(call(transport, server.url, "POST")) for _ in range(5)]
        await gate.wait_until_reached()
        gate.opened.set()
        assert [outcome.body for outcome in await asyncio.gather(*calls)] == [b"done"] * 5
        assert [len(peer.requests) for peer in server.peers] == [1] * 5


@pytest.mark.requirement("TP-03")
async def test_closing_ends_whatever_there_is_and_leaves_no_socket(open_transport: Open) -> None:
    transport, gate = open_transport(connections=2), Gate()
    async with scripted(holding, gated(gate)) as server, transport.send(a_request(server.url)) as held:
        assert await anext(held.pieces) == b"held"
        unanswered = asyncio.ensure_future(call(transport, server.url))
        await gate.wait_until_reached()
        waiting = asyncio.ensure_future(call(transport, server.url))
        await anyio.wait_all_tasks_blocked()

        await transport.aclose()

        assert transport.places_taken == 0
        with pytest.raises(UpstreamGone):
            await anext(held.pieces)
        with pytest.raises(BadGateway):
            await unanswered
        with pytest.raises(UpstreamNotReached):
            await waiting
        with pytest.raises(UpstreamNotReached):
            await call(transport, server.url)
        await server.peers[0].has_ended.wait()


@pytest.mark.requirement("TP-03")
async def test_closing_ends_what_is_idle_and_what_is_being_made(open_transport: Open) -> None:
    idle, making = open_transport(), open_transport()
    async with scripted(answering) as server, unaccepting() as url:
        await call(idle, server.url)
        asking = asyncio.ensure_future(call(making, url))
        await until(lambda: making.places_taken == 1)
        for transport in (idle, making):
            await transport.aclose()
            assert transport.places_taken == 0
        with pytest.raises(UpstreamNotReached):
            await asking
        await server.peers[0].has_ended.wait()
