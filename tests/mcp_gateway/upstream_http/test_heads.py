"""What an upstream hears, and what of its head is handed on."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authproxy_common.errors import InvalidRequest
from authproxy_common.uri import parse_http_uri
from mcp_gateway.proxy.transport import UpstreamNotReached
from mcp_gateway.proxy.upstream_http.transport import PooledTransport
from mcp_gateway.proxy.upstream_http.writing import RequestWriter
from tests.support.scripted_server import Peer, scripted
from tests.support.upstream_calls import a_request, call

pytestmark = pytest.mark.anyio

DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"


async def answering(peer: Peer) -> None:
    while True:
        await peer.answer(DONE)


async def heard(transport: PooledTransport, method: str, target: str = "/mcp", **changed: Any) -> bytes:
    """What the upstream gets, its own name left out."""
    async with scripted(answering) as server:
        assert (await call(transport, server.origin + target, method, **changed)).body == b"done"
        host = server.origin.removeprefix("http://").encode()
        return server.requests[0].replace(b"host: " + host + b"\r\n", b"", 1)


@pytest.mark.requirement("TP-01")
@pytest.mark.parametrize("body", [b"{}", b"x" * 20_000, b"x" * 1_000_000], ids=len)
async def test_a_message_is_sent_with_its_length(transport: PooledTransport, body: bytes) -> None:
    sent = await heard(transport, "POST", headers=[(b"accept", b"*/*"), (b"mcp-name", "ä".encode())], body=body)
    head = b"POST /mcp HTTP/1.1\r\naccept: */*\r\nmcp-name: \xc3\xa4\r\ncontent-length: %d\r\n\r\n"
    assert sent == head % len(body) + body


@pytest.mark.requirement("TP-01")
@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", b"\r\n"),
        ("HEAD", b"\r\n"),
        ("DELETE", b"\r\n"),
        ("POST", b"content-length: 0\r\n\r\n"),
        ("PUT", b"content-length: 0\r\n\r\n"),
    ],
)
async def test_a_length_is_said_where_one_is_expected(transport: PooledTransport, method: str, rest: bytes) -> None:
    async with scripted(answering) as server:
        async with transport.send(a_request(server.url, method)) as response:
            assert response.status == 200
        assert server.requests[0].endswith(b"\r\n" + rest)
        assert server.requests[0].count(b"\r\n") == 3 + (method in {"POST", "PUT"})


@pytest.mark.requirement("TP-01")
async def test_a_query_is_sent_as_it_came(transport: PooledTransport) -> None:
    query = "a=1+2%2B3&b=[x]&c='\"<>^`{|}~?/:@!$&()*,;=%zz"
    assert (await heard(transport, "GET", f"/mcp?{query}")).startswith(f"GET /mcp?{query} HTTP/1.1\r\n".encode())


@pytest.mark.requirement("TP-01")
@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://upstream.test/mcp", b"upstream.test"),
        ("http://upstream.test:80/mcp", b"upstream.test"),
        ("http://upstream.test:8443/mcp", b"upstream.test:8443"),
        ("https://upstream.test:443/mcp", b"upstream.test"),
        ("http://[::1]:8000/mcp", b"[::1]:8000"),
        ("http://UPSTREAM.test/mcp", b"upstream.test"),
    ],
)
def test_the_host_is_that_of_the_url(url: str, host: bytes) -> None:
    [head] = RequestWriter(parse_http_uri(url)).message(a_request(url), "")
    assert head == b"GET /mcp HTTP/1.1\r\nhost: " + host + b"\r\n\r\n"


SMUGGLED = b"GET /smuggled HTTP/1.1\r\n\r\n"
UNFIT: list[Any] = [
    *(
        pytest.param({"method": method}, id=f"method {method!r}")
        for method in ["", "GET /x", "GET\r\n", "G\0T", "G(T", "GÄT", "GET:"]
    ),
    *(
        pytest.param({"url": f"http://127.0.0.1:1/mcp?{query}"}, id=f"query {query!r}")
        for query in ["a b", "a\tb", "a\r\nb", "a\nb", "a\0b", "a\x7fb", "ä", "a#b", "x HTTP/1.1\r\nX: y"]
    ),
    *(
        pytest.param({"headers": [(name, b"x")]}, id=f"name {name!r}")
        for name in [b"", b"a b", b"a:", b"a\r\nb", b"a\n", b"a\0", b"a(", b"\xc3\xa4", b" a", b"a ", b":a"]
    ),
    *(
        pytest.param({"headers": [(b"a", value)]}, id=f"value {value!r}")
        for value in [
            b"x\r\ny: z",
            b"x\ny",
            b"x\ry",
            b"x\0y",
            b"x\x01",
            b"x\x7f",
            b"x\x0b",
            b"x\r\n\r\n" + SMUGGLED,
            b"\r\n",
        ]
    ),
    *(
        pytest.param({"headers": [(name, b"5")]}, id=f"ours: {name.decode()}")
        for name in [
            b"transfer-encoding",
            b"Transfer-Encoding",
            b"content-length",
            b"Content-LENGTH",
            b"host",
            b"Host",
            b"connection",
            b"keep-alive",
            b"proxy-connection",
            b"te",
            b"trailer",
            b"upgrade",
            b"expect",
        ]
    ),
]


@pytest.mark.requirement("TP-01")
@pytest.mark.parametrize("changed", UNFIT)
def test_what_could_be_read_as_another_request_is_not_sent(changed: dict[str, Any]) -> None:
    request = a_request(**{"url": "http://upstream.test/mcp", "body": b"{}", "method": "POST", **changed})
    with pytest.raises(InvalidRequest):
        RequestWriter(parse_http_uri("http://upstream.test/mcp")).message(request, request.url.partition("?")[2])


@pytest.mark.requirement("TP-01")
@settings(derandomize=True, database=None, deadline=None)
@given(
    method=st.text(max_size=5),
    query=st.text(max_size=20),
    headers=st.lists(st.tuples(st.binary(max_size=10), st.binary(max_size=20)), max_size=3),
)
def test_whatever_it_is_made_of_a_head_is_one_head(method: str, query: str, headers: list[tuple[bytes, bytes]]) -> None:
    request = a_request("http://upstream.test/mcp", method, headers=headers)
    try:
        [head] = RequestWriter(parse_http_uri(request.url)).message(request, query)
    except InvalidRequest:
        return
    lines = head.split(b"\r\n")
    assert lines[0].split(b" ")[1:] == [b"/mcp" + (b"?" + query.encode() if query else b""), b"HTTP/1.1"]
    assert lines[2 : 2 + len(headers)] == [b"%b: %b" % header for header in headers]
    assert head.find(b"\r\n\r\n") == len(head) - 4
    assert not {0, 10, 13} & set(head.replace(b"\r\n", b""))


@pytest.mark.requirement("TP-01")
@pytest.mark.parametrize("url", ["ftp://upstream.test/mcp", "http://user@upstream.test/mcp", "upstream.test", ""])
async def test_a_url_that_leads_nowhere_is_not_reached(transport: PooledTransport, url: str) -> None:
    with pytest.raises(UpstreamNotReached):
        await call(transport, url)


@pytest.mark.requirement("TP-02")
async def test_of_a_head_names_come_in_lower_case_and_values_without_what_is_around_them(
    transport: PooledTransport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(
            b"HTTP/1.1 200 OK\r\nMcp-Session-Id: \t s 1 \t\r\nVary: a\r\nvary: b\r\nContent-Length: 0\r\n\r\n"
        )

    async with scripted(script) as server:
        outcome = await call(transport, server.url)
    assert outcome.headers == [(b"mcp-session-id", b"s 1"), (b"vary", b"a"), (b"vary", b"b"), (b"content-length", b"0")]


@pytest.mark.requirement("TP-02")
@pytest.mark.parametrize(
    ("answer", "headers"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nCache-Control: public\r\n\r\n",
            [(b"transfer-encoding", b"chunked")],
            id="what comes in a trailer",
        ),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nMcp-Session-Id: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            [(b"content-length", b"0")],
            id="what an informational answer says",
        ),
        pytest.param(b"HTTP/1.1 204 OK\r\nA: b\r\nContent-Length: 2\r\n\r\n", [(b"a", b"b")], id="the length of a 204"),
    ],
)
async def test_what_is_not_of_the_head_is_not_taken_for_it(
    transport: PooledTransport, answer: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(answer)

    async with scripted(script) as server:
        assert (await call(transport, server.url)).headers == headers
