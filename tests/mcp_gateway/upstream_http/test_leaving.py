"""Clients that leave, at whatever moment: places come free, and nobody gets what was meant for another."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from authproxy_common.errors import BadGateway
from mcp_gateway.proxy.upstream_http.transport import PooledTransport
from tests.support.gate import Gate
from tests.support.scripted_server import Peer, scripted
from tests.support.upstream_calls import a_request, call

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TP-03")]

Open = Callable[..., PooledTransport]
Work = Callable[[], Coroutine[Any, Any, None]]

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
PLACES, CALLS = 3, 150
_NAME = re.compile(rb"\?([0-9]+)")


@dataclass
class Echo:
    """An upstream that answers each call with its own name, now at once and now in pieces; sometimes it closes.

    Args:
        chance: Decides.
        together: Once there are any, none of these names is answered before all of them have asked.
    """

    chance: random.Random
    together: frozenset[int] = frozenset()
    _asked: set[int] = field(default_factory=set)
    _all_have_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, peer: Peer) -> None:
        while self.together or self.chance.random() > 0.1:
            named = _NAME.search(await peer.request())
            assert named
            await turns(self.chance.randrange(4))
            if int(named[1]) in self.together:
                await self._all_of_them(int(named[1]))
            await peer.say(*self._cut(CHUNKED % (len(named[1]), named[1])))

    async def _all_of_them(self, name: int) -> None:
        self._asked.add(name)
        if self._asked == self.together:
            self._all_have_asked.set()
        await self._all_have_asked.wait()

    def _cut(self, answer: bytes) -> list[bytes]:
        at = self.chance.choice([0, self.chance.randrange(len(answer))])
        return [piece for piece in (answer[:at], answer[at:]) if piece]


async def turns(count: int) -> None:
    """So many turns of the event loop."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def plainly(work: Work, after: int) -> None:
    """Cancel it as asyncio does, so many turns later."""
    task = asyncio.ensure_future(work())
    await turns(after)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None


async def by_scope(work: Work, after: int) -> None:
    """Cancel it as anyio does: again and again until it is gone."""
    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await turns(after)
        group.cancel_scope.cancel()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("leave", [plainly, by_scope], ids=["task cancelled", "scope cancelled"])
async def test_whoever_leaves_frees_a_place_and_leaves_nothing_to_the_next(
    open_transport: Open, leave: Callable[[Work, int], Awaitable[None]], seed: int
) -> None:
    transport, chance = open_transport(connections=PLACES), random.Random(seed)
    echo, served = Echo(chance), list[int]()

    async with scripted(echo) as server:

        async def ask(name: int) -> None:
            # What may be repeated, so that a connection that closes is seldom a reason to fail.
            with suppress(BadGateway):
                outcome = await call(transport, f"{server.url}?{name}", "DELETE")
                assert outcome.body == b"%d" % name
                served.append(name)

        async def ask_and_perhaps_leave(names: range) -> None:
            for name in names:
                if chance.random() < 0.3:
                    await ask(name)
                else:
                    await leave(partial(ask, name), chance.randrange(25))
                assert transport.places_taken <= PLACES

        async with asyncio.TaskGroup() as group:
            for lane in range(2 * PLACES):
                group.create_task(ask_and_perhaps_leave(range(lane, CALLS, 2 * PLACES)))
        assert CALLS / 4 < len(served) < CALLS

        # Each place can still be had, all of them at once.
        echo.together = frozenset(range(CALLS, CALLS + PLACES))
        await asyncio.gather(*(ask(name) for name in echo.together))
        assert set(served) >= echo.together
        assert transport.places_taken == PLACES


@pytest.mark.parametrize("moment", ["before the head", "after the head", "in the middle of the body"])
async def test_an_answer_that_is_left_is_not_the_next_ones(transport: PooledTransport, moment: str) -> None:
    gate = Gate()

    async def script(peer: Peer) -> None:
        await peer.request()
        if moment != "before the head":
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n")
        if moment == "in the middle of the body":
            await peer.say(b"not ")
        gate.reached.set()
        await peer.hung_up()

    async def other(peer: Peer) -> None:
        await peer.answer(CHUNKED % (5, b"yours"))

    async def listen() -> None:
        async with transport.send(a_request(server.url)) as response:
            async for _ in response.pieces:
                pass

    async with scripted(script, other) as server:
        listening = asyncio.ensure_future(listen())
        await gate.wait_until_reached()
        await anyio.wait_all_tasks_blocked()
        listening.cancel()
        await server.peers[0].has_ended.wait()
        assert (await call(transport, server.url)).body == b"yours"


async def test_leaving_a_context_before_the_end_ends_the_upstreams_work(transport: PooledTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        await peer.hung_up()

    async with scripted(script) as server:
        async with transport.send(a_request(server.url)) as response:
            assert await anext(response.pieces) == b"some"
        await server.peers[0].has_ended.wait()


async def test_leaving_a_whole_answer_unread_keeps_its_connection(transport: PooledTransport) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.answer(CHUNKED % (5, b"whole"))

    async with scripted(script) as server:
        for _ in range(3):
            async with transport.send(a_request(server.url)) as response:
                assert response.status == 200
        assert len(server.peers) == 1


async def test_a_connection_whose_caller_left_while_it_was_made_is_for_the_next(open_transport: Open) -> None:
    transport = open_transport(connections=1)

    async def script(peer: Peer) -> None:
        await peer.answer(CHUNKED % (4, b"mine"))

    async with scripted(script) as server:
        first = asyncio.ensure_future(call(transport, server.url, "POST"))
        await turns(1)
        assert transport.places_taken == 1
        first.cancel()
        assert (await call(transport, server.url, "POST")).body == b"mine"
        assert len(server.requests) == len(server.peers) == 1
