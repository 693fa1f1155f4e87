"""Requests that two programs could take apart differently, byte by byte over a socket."""

import asyncio

import anyio
import pytest

from tests.support.gateway import World
from tests.support.servers import serving

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-05")]

SMUGGLED = b"GET /health/live HTTP/1.1\r\nHost: mcp.test\r\n\r\n"


async def exchange(pieces: list[bytes]) -> bytes:
    """Everything that the gateway answers to `pieces`, each sent in a segment of its own, until it closes."""
    with anyio.fail_after(10):
        async with serving(World().app) as origin:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(origin.rpartition(":")[2]))
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await anyio.wait_all_tasks_blocked()
            answered = await reader.read()
            writer.close()
            return answered


@pytest.mark.parametrize("together", [True, False], ids=["in one segment", "in two"])
async def test_a_body_behind_a_change_of_protocol_is_not_the_next_request(together: bool) -> None:
    head = (
        b"POST /mcp HTTP/1.1\r\nHost: mcp.test\r\nConnection: Upgrade\r\nUpgrade: anything\r\n"
        b"Content-Length: %d\r\n\r\n" % len(SMUGGLED)
    )
    answered = await exchange([head + SMUGGLED] if together else [head, SMUGGLED])
    assert answered.count(b"HTTP/1.1 ") == 1
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert b'"status":"ok"' not in answered


@pytest.mark.parametrize(
    "lengths",
    [
        pytest.param(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", id="length and chunks"),
        pytest.param(b"Content-Length: 4\r\nContent-Length: 5\r\n", id="two lengths"),
        pytest.param(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", id="two encodings"),
        pytest.param(b"Transfer-Encoding: xchunked\r\n", id="an encoding that nobody knows"),
    ],
)
async def test_a_request_of_two_lengths_is_refused_and_nothing_behind_it_is_served(lengths: bytes) -> None:
    answered = await exchange([b"POST /mcp HTTP/1.1\r\nHost: mcp.test\r\n" + lengths + b"\r\n0\r\n\r\n" + SMUGGLED])
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert answered.count(b"HTTP/1.1 ") == 1
