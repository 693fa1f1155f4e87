"""How long anything may take, and how much is read ahead. Time passes as far as a test says."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import anyio
import pytest

from authproxy_common.errors import BadGateway
from mcp_gateway.proxy.transport import UpstreamGone, UpstreamNotReached
from mcp_gateway.proxy.upstream_http.transport import PooledTransport
from tests.support.gate import Gate
from tests.support.scripted_server import Peer, scripted
from tests.support.upstream_calls import a_request, call

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TP-05", "OP-04")]

Open = Callable[..., PooledTransport]

STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
# More than the kernel keeps for both sides.
MUCH = 16 * 1024 * 1024
SOON, HOUR = timedelta(milliseconds=50), timedelta(hours=1)


def after(seconds: float) -> float:
    """The event loop's time by then."""
    return asyncio.get_running_loop().time() + seconds


async def silent(peer: Peer) -> None:
    """Takes the request, and says nothing."""
    await peer.request()
    await peer.hung_up()


async def test_an_upstream_that_does_not_answer_is_given_up(transport: PooledTransport) -> None:
    async with scripted(silent) as server:
        began = after(0)
        asking = asyncio.ensure_future(call(transport, server.url, "POST", response_timeout=timedelta(seconds=30)))
        await anyio.wait_all_tasks_blocked()
        transport.end_overdue(began + 29)
        await anyio.wait_all_tasks_blocked()
        assert not asking.done()
        transport.end_overdue(after(31))
        with pytest.raises(BadGateway, match="in time"):
            await asking
        await server.peers[0].has_ended.wait()


async def test_deadlines_are_looked_after_without_being_asked(open_transport: Open) -> None:
    transport = open_transport(swept_every=timedelta(milliseconds=10))

    async def script(peer: Peer) -> None:
        await peer.answer(STREAM)
        await peer.hung_up()

    async with scripted(script) as server:
        async with transport.send(a_request(server.url, idle_timeout=SOON)) as response:
            assert await anext(response.pieces) == b"first"
            with pytest.raises(UpstreamGone, match="too long"):
                await anext(response.pieces)
        await server.peers[0].has_ended.wait()


async def test_they_are_looked_after_again_after_there_was_nothing_to_look_after(open_transport: Open) -> None:
    transport = open_transport(swept_every=timedelta(milliseconds=10), kept_idle=SOON)

    async def script(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 204 No Content\r\n\r\n")
        await peer.hung_up()

    async with scripted(script) as server:
        for count in (1, 2):
            await call(transport, server.url)
            await server.peers[-1].has_ended.wait()
            assert len(server.peers) == count
            while transport.places_taken:
                await anyio.lowlevel.checkpoint()


async def test_a_head_that_comes_in_drops_gains_no_time(transport: PooledTransport) -> None:
    gate = Gate()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 ")
        gate.reached.set()
        await peer.hung_up()

    async with scripted(script) as server:
        asking = asyncio.ensure_future(call(transport, server.url, response_timeout=timedelta(seconds=30)))
        await gate.wait_until_reached()
        await anyio.wait_all_tasks_blocked()
        transport.end_overdue(after(30))
        with pytest.raises(BadGateway, match="in time"):
            await asking


async def test_a_stream_lasts_as_long_as_something_comes(transport: PooledTransport) -> None:
    more = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.answer(STREAM)
        await more.wait()
        await peer.say(b"6\r\nsecond\r\n")
        await peer.hung_up()

    async with scripted(script) as server:
        request = a_request(server.url, response_timeout=SOON, idle_timeout=timedelta(minutes=5))
        async with transport.send(request) as response:
            assert await anext(response.pieces) == b"first"
            transport.end_overdue(after(299))
            more.set()
            assert await anext(response.pieces) == b"second"
            heard = after(0)
            transport.end_overdue(heard + 299)
            transport.end_overdue(heard + 301)
            with pytest.raises(UpstreamGone, match="too long"):
                await anext(response.pieces)
        await server.peers[0].has_ended.wait()


async def test_what_nobody_takes_is_not_read_and_silence_that_is_ours_is_not_the_upstreams(
    open_transport: Open,
) -> None:
    transport, said = open_transport(), list[int]()

    async def script(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MUCH)
        for _ in range(MUCH // 65536):
            await peer.say(b"x" * 65536)
            said.append(65536)
        await peer.hung_up()

    async with scripted(script) as server:
        async with transport.send(a_request(server.url, idle_timeout=timedelta(seconds=1))) as response:
            await stalled(said)
            # What the kernel keeps for both sides is not ours to say.
            assert sum(said) < MUCH / 2
            transport.end_overdue(after(3600))
            pieces = [piece async for piece in response.pieces]
        assert sum(map(len, pieces)) == MUCH
        # What is read at once may come on top.
        assert max(map(len, pieces)) <= 2 * 256 * 1024
        assert transport.places_taken == 1


async def stalled(said: list[int]) -> None:
    """Return when nothing more is said, however long one waits."""
    before = -1
    while before < len(said):
        before = len(said)
        await anyio.wait_all_tasks_blocked()


async def test_an_upstream_that_reads_nothing_of_a_long_message_is_given_up(transport: PooledTransport) -> None:
    gate = Gate()

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        gate.reached.set()
        await gate.opened.wait()

    async with scripted(script) as server:
        sending = asyncio.ensure_future(call(transport, server.url, "POST", body=b"x" * MUCH, response_timeout=HOUR))
        await gate.wait_until_reached()
        await anyio.wait_all_tasks_blocked()
        transport.end_overdue(after(29))
        assert not sending.done()
        transport.end_overdue(after(31))
        with pytest.raises(BadGateway, match="in time"):
            await sending
        gate.opened.set()


async def test_an_upstream_that_reads_slowly_is_not(open_transport: Open) -> None:
    # Nobody but the test looks: the time that really passes is another one.
    transport = open_transport(swept_every=HOUR)
    taken, proceed = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        head = await peer.reader.readuntil(b"\r\n\r\n")
        for _ in range(4):
            # More than the kernel takes off the transport's hands, so that each time some of it is sent.
            await peer.reader.readexactly(MUCH // 2)
            taken.set()
            await proceed.wait()
            proceed.clear()
        assert head.startswith(b"POST")
        await peer.say(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with scripted(script) as server:
        sending = asyncio.ensure_future(
            call(transport, server.url, "POST", body=b"x" * 2 * MUCH, response_timeout=HOUR)
        )
        for so_often in range(1, 5):
            await taken.wait()
            taken.clear()
            transport.end_overdue(after(25 * so_often))
            proceed.set()
        assert (await sending).status == 204


async def test_an_upstream_that_does_not_finish_the_handshake_is_not_reached(open_transport: Open) -> None:
    transport = open_transport(connects_within=SOON)
    async with scripted(Peer.hung_up) as server:
        with pytest.raises(UpstreamNotReached) as failed:
            await call(transport, server.url.replace("http:", "https:"))
        assert isinstance(failed.value.__cause__, TimeoutError)
    assert transport.places_taken == 0
