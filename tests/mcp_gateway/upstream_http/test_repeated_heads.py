"""Heads that are not parsed again: whatever is taken for a repetition, the parser would have read the same in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, HttpResponseParser

from mcp_gateway.proxy.upstream_http.repeated_heads import RepeatedHead
from mcp_gateway.proxy.upstream_http.transport import PooledTransport
from tests.support.scripted_server import Peer, scripted
from tests.support.upstream_calls import call

pytestmark = pytest.mark.requirement("TP-08")

BODY = b'{"jsonrpc":"2.0"}'
REQUEST = b"POST /mcp HTTP/1.1\r\nHost: mcp.test\r\nContent-Length: 17\r\nAccept: a/b\r\n\r\n" + BODY
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 17\r\nmcp-session-id: s1\r\n\r\n" + BODY
# What means something to a parser, and what does not.
OCTETS = (b"\r", b"\n", b" ", b"\t", b":", b",", b"0", b"1", b"9", b"-", b"+", b"a", b"A", b"_", b"\0", b"\x80")


@dataclass
class Read:
    """What a parser says of some bytes."""

    said: list[Any] = field(default_factory=list)
    body: bytes = b""

    def on_message_begin(self) -> None:
        self.said.append("begun")

    def on_url(self, url: bytes) -> None:
        self.said.append(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.said.append((name, value))

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.said.append("complete")


def read(message: bytes) -> Read | None:
    """By a parser that has read nothing before; None where it refuses it."""
    found = Read()
    parser = HttpResponseParser(found) if message.startswith(b"HTTP/") else HttpRequestParser(found)
    try:
        parser.feed_data(message)
    except (HttpParserError, HttpParserUpgrade):
        return None
    return found


def changed(message: bytes) -> Iterator[bytes]:
    """With an octet taken away, put in, or put in the place of another, at every place; and with other numbers."""
    for place in range(len(message) + 1):
        yield message[:place]
        yield message[:place] + message[place + 1 :]
        for octet in OCTETS:
            yield message[:place] + octet + message[place:]
            yield message[:place] + octet + message[place + 1 :]
    for number in (*range(30), 170, 10**9, 10**10, 2**32 + 17, 2**64 + 17):
        for spelt in (b"%d", b"0%d", b"+%d", b" %d", b"%d ", b"%d\t", b"0x%x", b"%d_0", b"%d,17"):
            for length in {17, min(number, 200)}:
                head = message[: -len(BODY)].replace(b": 17\r", b": " + spelt % number + b"\r")
                yield head + b"x" * length
                yield head + b"x" * length + message


@pytest.mark.parametrize("message", [REQUEST, ANSWER], ids=["request", "answer"])
def test_what_is_taken_for_a_repetition_is_one(message: bytes) -> None:
    head = RepeatedHead.of(message, len(BODY), None)
    assert head is not None
    repeated = {each for each in changed(message) if head.body(each) is not None}

    assert {len(head.body(each) or b"") for each in repeated} >= {0, 1, 17, 29, 170}
    for each in repeated:
        seen, body = read(each), head.body(each)
        assert seen is not None
        assert (seen.body, seen.said.count("begun"), seen.said[-1]) == (body, 1, "complete")
        assert [said for said in seen.said if said not in lengths(seen)] == [
            said for said in (read(message) or Read()).said if said not in lengths(read(message))
        ]


def lengths(seen: Read | None) -> list[tuple[bytes, bytes]]:
    """What is said of the length."""
    return [each for each in (seen or Read()).said if isinstance(each, tuple) and each[0].lower() == b"content-length"]


@pytest.mark.parametrize(
    ("message", "length"),
    [
        pytest.param(REQUEST, 16, id="another length than the parser found"),
        pytest.param(b"GET /mcp HTTP/1.1\r\nHost: mcp.test\r\n\r\n", 0, id="no length"),
        pytest.param(REQUEST.replace(b": 17", b": 017"), 17, id="a length that is spelt otherwise"),
        pytest.param(ANSWER.replace(b"content-length: 17", b"transfer-encoding: chunked"), 17, id="chunks"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER, 17, id="an answer in front of it"),
        pytest.param(REQUEST.replace(b"a/b", b"a" * 8192), 17, id="a long head"),
    ],
)
def test_what_is_not_one_head_with_its_length_is_not_learnt(message: bytes, length: int) -> None:
    assert RepeatedHead.of(message, length, None) is None


@pytest.mark.anyio
@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_a_length_that_means_nothing_means_nothing_when_it_is_repeated(
    transport: PooledTransport, status: bytes
) -> None:
    head = b"HTTP/1.1 " + status + b"\r\ncontent-length: %d\r\n\r\n"

    async def answering(peer: Peer) -> None:
        await peer.answer(head % 0)
        await peer.answer(head % 4 + b"HTTP")
        await peer.hung_up()

    async with scripted(answering) as server:
        assert [(await call(transport, server.url)).body for _ in range(2)] == [b"", b""]
        # Nothing that comes behind an answer is the next one.
        await server.peers[0].has_ended.wait()
