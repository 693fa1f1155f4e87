"""What counts as an answer, clause by clause (RFC 9110, RFC 9112): what two programs could read differently does not.

Each row is said in one segment and byte by byte, by a peer that would answer a second request on the same connection.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from authproxy_common.errors import BadGateway
from mcp_gateway.proxy.transport import UpstreamGone
from mcp_gateway.proxy.upstream_http.transport import PooledTransport
from tests.support.scripted_server import Peer, Script, ScriptedServer, scripted
from tests.support.upstream_calls import a_request, call

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TP-02")]

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TWO = b"Content-Length: 2\r\n\r\nhi"
SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"


@dataclass(frozen=True)
class Understood:
    """An answer, and whether its connection is used again; where it ends with the connection, the peer ends that."""

    status: int = 200
    body: bytes = b"hi"
    is_kept: bool = True
    method: str = "GET"
    ends: bool = False


KEPT, NOT_KEPT, ENDS = Understood(), Understood(is_kept=False), Understood(is_kept=False, ends=True)

UNDERSTOOD = [
    # RFC 9112 §6.3: where a body ends.
    pytest.param(OK + TWO, KEPT, id="a length"),
    pytest.param(OK + b"Content-Length: 0\r\n\r\n", Understood(body=b""), id="a length of nothing"),
    pytest.param(OK + b"content-LENGTH: 2 \t\r\n\r\nhi", KEPT, id="whitespace around a length"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0\r\n\r\n", KEPT, id="chunks"),
    pytest.param(CHUNKED + b"1\r\nh\r\n001\r\ni\r\n0\r\n\r\n", KEPT, id="several chunks"),
    pytest.param(CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n", Understood(body=b"0123456789"), id="sizes are hexadecimal"),
    pytest.param(CHUNKED + b'2;a=b;c="d"\r\nhi\r\n0\r\n\r\n', KEPT, id="an extension of a chunk"),
    pytest.param(OK + b"Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", KEPT, id="chunked in another case"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0\r\nX-Checksum: 1\r\nCookie: a\r\n\r\n", KEPT, id="trailers"),
    pytest.param(OK + b"\r\nhi", ENDS, id="neither length nor chunks: until the connection ends"),
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", Understood(204, b""), id="204"),
    pytest.param(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Understood(204, b""), id="204 with a length"),
    pytest.param(
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", Understood(304, b""), id="304 with a length"
    ),
    pytest.param(OK + b"Content-Length: 2\r\n\r\n", Understood(200, b"", False, "HEAD"), id="HEAD with a length"),
    pytest.param(
        OK + b"Transfer-Encoding: chunked\r\n\r\n", Understood(200, b"", False, "HEAD"), id="HEAD with chunks"
    ),
    # RFC 9112 §9.3: whether the connection persists.
    pytest.param(OK + b"Connection: close\r\n" + TWO, NOT_KEPT, id="close"),
    pytest.param(OK + b"Connection: x, Close\r\n" + TWO, NOT_KEPT, id="close among others"),
    pytest.param(OK + b"Connection: keep-alive\r\nConnection: close\r\n" + TWO, NOT_KEPT, id="close in a second field"),
    pytest.param(b"HTTP/1.0 200 OK\r\n" + TWO, NOT_KEPT, id="HTTP/1.0"),
    pytest.param(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + TWO, KEPT, id="HTTP/1.0 that persists"),
    pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhi", ENDS, id="HTTP/1.0 without a length"),
    # RFC 9110 §15.2: informational answers are passed over.
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + TWO, KEPT, id="100"),
    pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + OK + TWO, KEPT, id="103, three times"),
    pytest.param(b"HTTP/1.1 150 Whatever\r\n\r\n" + OK + TWO, KEPT, id="an informational status nobody knows"),
    # RFC 9112 §4, RFC 9110 §5.5.
    pytest.param(b"HTTP/1.1 200\r\n" + TWO, KEPT, id="no reason"),
    pytest.param(b"HTTP/1.1 200 \xc3\xa4\t!\r\n" + TWO, KEPT, id="a reason beyond ASCII"),
    pytest.param(OK + b'X: \xe4\t"{}\r\nEmpty:\r\n' + TWO, KEPT, id="a value beyond ASCII, and an empty one"),
    pytest.param(b"HTTP/1.1 599 Whatever\r\n" + TWO, Understood(599), id="a status nobody knows"),
    pytest.param(OK + b"Upgrade: h2c\r\n" + TWO, KEPT, id="another protocol on offer"),
]

# As soon as the head shows it, or because there is no whole head: there is no answer.
REFUSED = [
    # RFC 9112 §6.1, §6.3: one length, and one only.
    pytest.param(
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", id="length, chunks"
    ),
    pytest.param(
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n", id="chunks, length"
    ),
    pytest.param(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", id="two lengths"),
    pytest.param(OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", id="the same length twice"),
    pytest.param(OK + b"Content-Length: 2, 2\r\n\r\nhi", id="a list of lengths"),
    pytest.param(OK + b"Content-Length: +2\r\n\r\nhi", id="a signed length"),
    pytest.param(OK + b"Content-Length: -2\r\n\r\nhi", id="a negative length"),
    pytest.param(OK + b"Content-Length: 0x2\r\n\r\nhi", id="a hexadecimal length"),
    pytest.param(OK + b"Content-Length: 1 2\r\n\r\nhi", id="a length with a space in it"),
    pytest.param(OK + b"Content-Length:\r\n\r\nhi", id="an empty length"),
    pytest.param(OK + b"Content-Length: 99999999999999999999\r\n\r\nhi", id="a length beyond 64 bits"),
    pytest.param(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", id="another encoding within"),
    pytest.param(OK + b"Transfer-Encoding: chunked, gzip\r\n\r\nhi", id="chunked is not the last"),
    pytest.param(OK + b"Transfer-Encoding: gzip\r\n\r\nhi", id="an encoding without chunks"),
    pytest.param(OK + b"Transfer-Encoding: identity\r\n\r\nhi", id="identity"),
    pytest.param(OK + b"Transfer-Encoding: xchunked\r\n\r\nhi", id="an encoding nobody knows"),
    pytest.param(OK + b'Transfer-Encoding: "chunked"\r\n\r\n2\r\nhi\r\n0\r\n\r\n', id="chunked in quotes"),
    pytest.param(OK + b"Transfer-Encoding:\r\n\r\nhi", id="an empty encoding"),
    pytest.param(
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", id="chunked twice"
    ),
    pytest.param(
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        id="two encodings",
    ),
    pytest.param(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", id="chunks in HTTP/1.0"),
    pytest.param(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="204 with chunks"),
    # RFC 9112 §2.2, §5, §11: lines end one way, and fields have one form.
    pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", id="bare line feeds"),
    pytest.param(b"HTTP/1.1 200 OK\n" + TWO, id="a bare line feed after the status"),
    pytest.param(OK + b"A: b\n" + TWO, id="a bare line feed after a field"),
    pytest.param(OK + b"Content-Length: 2\r\n\nhi", id="a bare line feed after the head"),
    pytest.param(OK + b"A: b\rC: d\r\n" + TWO, id="a bare carriage return in a value"),
    pytest.param(b"HTTP/1.1 200 OK\rA: b\r\n" + TWO, id="a bare carriage return after the status"),
    pytest.param(OK + b"A: b\r\r\n" + TWO, id="two carriage returns"),
    pytest.param(OK + b"A: b\0c\r\n" + TWO, id="NUL in a value"),
    pytest.param(OK + b"A\0: b\r\n" + TWO, id="NUL in a name"),
    pytest.param(b"HTTP/1.1 200 O\0K\r\n" + TWO, id="NUL in the reason"),
    pytest.param(b"HTTP/1.1 200 O\x0bK\r\n" + TWO, id="a control in the reason"),
    pytest.param(OK + b"A: b\x01c\r\n" + TWO, id="a control in a value"),
    pytest.param(OK + b"A: b\r\n c\r\n" + TWO, id="a folded line"),
    pytest.param(OK + b"Content-Length:\r\n 2\r\n\r\nhi", id="a folded length"),
    pytest.param(OK + b" A: b\r\n" + TWO, id="a space before the first field"),
    pytest.param(OK + b"Content-Length : 2\r\n\r\nhi", id="a space before the colon"),
    pytest.param(OK + b"A\t: 2\r\n" + TWO, id="a tab before the colon"),
    pytest.param(OK + b"A B: 2\r\n" + TWO, id="a space in a name"),
    pytest.param(OK + b"A(: 2\r\n" + TWO, id="a bracket in a name"),
    pytest.param(OK + b"\xc3\xa4: 2\r\n" + TWO, id="a name beyond ASCII"),
    pytest.param(OK + b": 2\r\n" + TWO, id="no name"),
    pytest.param(OK + b"A\r\n" + TWO, id="no colon"),
    # RFC 9112 §4: the status line.
    pytest.param(b"HTTP/0.9 200 OK\r\n" + TWO, id="HTTP/0.9"),
    pytest.param(b"HTTP/2.0 200 OK\r\n" + TWO, id="HTTP/2"),
    pytest.param(b"HTTP/1.2 200 OK\r\n" + TWO, id="HTTP/1.2"),
    pytest.param(b"http/1.1 200 OK\r\n" + TWO, id="in lower case"),
    pytest.param(b"RTSP/1.0 200 OK\r\n" + TWO, id="RTSP"),
    pytest.param(b"ICY 200 OK\r\n" + TWO, id="another protocol"),
    pytest.param(b"HTTP/1.1 99 OK\r\n" + TWO, id="a status of two digits"),
    pytest.param(b"HTTP/1.1 2000 OK\r\n" + TWO, id="a status of four digits"),
    pytest.param(b"HTTP/1.1 000 OK\r\n" + TWO, id="status 0"),
    pytest.param(b"HTTP/1.1  200 OK\r\n" + TWO, id="two spaces before the status"),
    pytest.param(b"\r\n" + OK + TWO, id="an empty line in front"),
    pytest.param(b" " + OK + TWO, id="a space in front"),
    pytest.param(b"hello\r\n\r\n", id="no HTTP at all"),
    pytest.param(b"\x16\x03\x01\x02\x00", id="TLS"),
    # RFC 9110 §15.2, §7.8.
    pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx", id="101"),
    pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK + TWO, id="101 to nothing"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 17 + OK + TWO, id="too many informational answers"),
    pytest.param(b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nhi" + OK + TWO, id="100 with a length"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\nRTSP/2.0 200 OK\r\n" + TWO, id="another version after 100"),
    # Limits.
    pytest.param(OK + b"A: b\r\n" * 128 + TWO, id="129 fields"),
    pytest.param(OK + b"A: " + b"b" * 65536 + b"\r\n" + TWO, id="a head of 64 KB"),
    pytest.param(OK + b"A" * 100_000, id="a head without end"),
]

# The connection ends before the head does.
CUT_SHORT = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"HTTP/1.1 2", id="half a status line"),
    pytest.param(OK + b"Content-Length: 2\r\n", id="half a head"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="100 and nothing else"),
]
# The head is fine; the caller has it when the rest goes wrong.
BROKEN = [
    # RFC 9112 §7.1: chunks.
    pytest.param(CHUNKED + b"2\r\nhi\r\nzz\r\n", id="a size that is no number"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0x1\r\nh\r\n0\r\n\r\n", id="a size with 0x"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n+1\r\nh\r\n0\r\n\r\n", id="a signed size"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n-1\r\nh\r\n0\r\n\r\n", id="a negative size"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n 1\r\nh\r\n0\r\n\r\n", id="a space before a size"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n1 \r\nh\r\n0\r\n\r\n", id="a space after a size"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n\r\nh\r\n0\r\n\r\n", id="no size"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n" + b"F" * 17 + b"\r\n", id="a size beyond 64 bits"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n1\nh\r\n0\r\n\r\n", id="a bare line feed after a size"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n1;a\nh\r\n0\r\n\r\n", id="a bare line feed in an extension"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n1;a\0\r\nh\r\n0\r\n\r\n", id="NUL in an extension"),
    pytest.param(CHUNKED + b"2\r\nhi\n0\r\n\r\n", id="a bare line feed after a chunk"),
    pytest.param(CHUNKED + b"2\r\nhi0\r\n\r\n", id="nothing after a chunk"),
    pytest.param(CHUNKED + b"2\r\nhi!\r\n0\r\n\r\n", id="a chunk that is longer than its size"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0\r\n\n", id="a bare line feed at the end"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0\r\nX : y\r\n\r\n", id="a trailer with a space before the colon"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0\r\nContent-Length: 5\r\n\r\n", id="a trailer that gives a length"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n1;a=" + b"b" * 100_000, id="an extension without end"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n" + b"0" * 100_000, id="a size without end"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0\r\n" + b"A: b\r\n" * 20_000, id="trailers without end"),
]

# RFC 9112 §8: the connection ends before the body does.
INCOMPLETE = [
    pytest.param(OK + b"Content-Length: 3\r\n\r\nhi", id="shorter than its length"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n", id="no last chunk"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0\r\n", id="no end after the last chunk"),
    pytest.param(CHUNKED + b"5\r\nhi", id="half a chunk"),
]

# A whole answer, and something behind it: the answer counts, its connection does not.
FOLLOWED = [
    pytest.param(OK + TWO + b"more", Understood(), id="more than the length"),
    pytest.param(OK + TWO + SECOND, Understood(), id="another answer"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + SECOND, Understood(), id="another answer after chunks"),
    pytest.param(CHUNKED + b"2\r\nhi\r\n0\r\n\r\nmore", Understood(), id="more than the last chunk"),
    pytest.param(OK + b"Connection: close\r\n" + TWO + SECOND, Understood(), id="another answer after the last"),
    pytest.param(b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", Understood(204, b""), id="a body with 204"),
    pytest.param(b"HTTP/1.1 304 Not Modified\r\n\r\nhi", Understood(304, b""), id="a body with 304"),
    pytest.param(OK + TWO, Understood(200, b"", method="HEAD"), id="a body with HEAD"),
]


def rows(table: list[Any], *, ends: bool) -> list[Any]:
    """The rows of `table` with one more column."""
    return [pytest.param(*row.values, ends, id=row.id) for row in table]


def says(answer: bytes, segments: str, *, ends: bool = False) -> Script:
    """A peer that says `answer` to the first request, and answers a second one."""

    async def script(peer: Peer) -> None:
        await peer.answer(*cut(answer, segments))
        if not ends:
            await peer.answer(SECOND)
            await peer.hung_up()

    return script


def cut(answer: bytes, segments: str) -> Sequence[bytes]:
    if segments == "whole":
        return [answer]
    # Behind the first thousand bytes the rows have nothing new.
    return [*(answer[i : i + 1] for i in range(min(len(answer), 1000))), answer[1000:]]


@pytest.fixture(params=["whole", "byte by byte"])
def segments(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def second(transport: PooledTransport, server: ScriptedServer) -> int:
    """How many connections there were when a second call has been answered."""
    assert (await call(transport, server.url)).body == b"second"
    return len(server.peers)


async def collect(source: AsyncIterator[bytes], pieces: bytearray) -> None:
    async for piece in source:
        pieces += piece


@pytest.mark.parametrize(("answer", "understood"), UNDERSTOOD)
async def test_an_answer_is_understood_and_its_connection_kept_where_it_may_be(
    transport: PooledTransport, answer: bytes, understood: Understood, segments: str
) -> None:
    async with scripted(says(answer, segments, ends=understood.ends), says(SECOND, "whole")) as server:
        outcome = await call(transport, server.url, understood.method)
        assert (outcome.status, outcome.body) == (understood.status, understood.body)
        assert await second(transport, server) == (1 if understood.is_kept else 2)


@pytest.mark.parametrize("answer", REFUSED)
async def test_what_is_no_answer_is_a_bad_gateway_and_its_connection_closed(
    transport: PooledTransport, answer: bytes, segments: str
) -> None:
    async with scripted(says(answer, segments), says(SECOND, "whole")) as server:
        with pytest.raises(BadGateway, match="no HTTP"):
            await call(transport, server.url)
        await server.peers[0].has_ended.wait()
        assert await second(transport, server) == 2


@pytest.mark.parametrize("answer", CUT_SHORT)
async def test_half_a_head_is_a_bad_gateway(transport: PooledTransport, answer: bytes, segments: str) -> None:
    async with scripted(says(answer, segments, ends=True), says(SECOND, "whole")) as server:
        with pytest.raises(BadGateway, match="no HTTP"):
            await call(transport, server.url)
        assert await second(transport, server) == 2


@pytest.mark.parametrize(("answer", "ends"), rows(BROKEN, ends=False) + rows(INCOMPLETE, ends=True))
async def test_a_body_that_goes_wrong_breaks_after_what_was_fine(
    transport: PooledTransport, answer: bytes, ends: bool, segments: str
) -> None:
    async with scripted(says(answer, segments, ends=ends), says(SECOND, "whole")) as server:
        async with transport.send(a_request(server.url)) as response:
            pieces = bytearray()
            with pytest.raises(UpstreamGone):
                await collect(response.pieces, pieces)
            assert pieces.startswith(b"hi")
        await server.peers[0].has_ended.wait()
        assert await second(transport, server) == 2


@pytest.mark.parametrize(("answer", "understood"), FOLLOWED)
async def test_what_comes_behind_an_answer_is_nobodys_and_ends_the_connection(
    transport: PooledTransport, answer: bytes, understood: Understood, segments: str
) -> None:
    async with scripted(says(answer, segments), says(SECOND, "whole")) as server:
        outcome = await call(transport, server.url, understood.method)
        assert (outcome.status, outcome.body) == (understood.status, understood.body)
        await server.peers[0].has_ended.wait()
        assert await second(transport, server) == 2
