"""Fetching what strangers wrote, over real sockets: where it goes, where it does not, and what it takes."""

import contextlib
import gzip
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

from authproxy_common.addresses import is_loopback, is_public
from authproxy_common.http.document_fetcher import DocumentFetcher
from authproxy_common.http.fetching import Fetched, FetcherWhenNeeded, FetchFailed, OutOfBounds, Unfetchable
from authproxy_common.uri import HttpURI, parse_http_uri
from tests.support.certificates import certificate

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("CL-02")]

Reply = Callable[[ByteStream], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Reply, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """A server that leaves each connection to `serve`; yields its port."""

    async def closing(stream: ByteStream) -> None:
        async with stream:
            await serve(stream)

    listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, closing)
        yield listener.extra(SocketAttribute.local_port)
        group.cancel_scope.cancel()


@asynccontextmanager
async def answering(reply: Reply, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """One that reads a request's head and lets `reply` do the rest."""

    async def serve(stream: ByteStream) -> None:
        await stream.receive()
        await reply(stream)

    async with listening(serve, host, port) as bound:
        yield bound


def with_body(body: bytes, status: str = "200 OK", *headers: str) -> Reply:
    async def reply(stream: ByteStream) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
        await stream.send("\r\n".join([*lines, "", ""]).encode() + body)

    return reply


async def fetch(url: str, limit: int = 100, **options: Any) -> Fetched:
    with anyio.fail_after(10):
        return await DocumentFetcher(**{"may_connect": is_loopback, **options}).fetch(parse_http_uri(url), limit)


async def test_what_fetches_is_made_for_the_first_document() -> None:
    fetcher = FetcherWhenNeeded(is_loopback)
    async with listening(with_body(b"{}")) as port:
        for _ in range(2):
            assert (await fetcher.fetch(parse_http_uri(f"http://127.0.0.1:{port}/"), 100)).body == b"{}"
    with pytest.raises(OutOfBounds):
        await fetcher.fetch(parse_http_uri("http://192.0.2.1/"), 100)


async def test_a_document_comes_with_its_headers() -> None:
    async with answering(with_body(b"{}", "200 OK", "Cache-Control: max-age=60")) as port:
        fetched = await fetch(f"http://127.0.0.1:{port}/c.json")
    assert (fetched.body, fetched.headers["cache-control"]) == (b"{}", "max-age=60")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nothing_inside_is_even_connected_to(host: str) -> None:
    reached = anyio.Event()

    async def reply(_stream: ByteStream) -> None:
        reached.set()

    async with answering(reply) as port:
        with pytest.raises(Unfetchable):
            await fetch(f"http://{host}:{port}/", may_connect=is_public)
    assert not reached.is_set()


async def test_a_name_is_resolved_once_and_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolved: list[str] = []

    def rebinding(host: str, port: int, **_options: Any) -> list[Any]:
        resolved.append(host)
        address = "127.0.0.1" if len(resolved) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with (
        answering(with_body(b'"checked"')) as port,
        answering(with_body(b'"inside"'), "127.0.0.2", port),
    ):
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        fetched = await fetch(f"http://client.test:{port}/", may_connect=lambda address: str(address) == "127.0.0.1")
    assert fetched.body == b'"checked"'
    assert resolved == ["client.test"]


async def test_a_name_with_one_address_inside_is_not_asked_at_its_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(_host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.1", "10.0.0.1")]

    async with answering(with_body(b"{}")) as port:
        monkeypatch.setattr(socket, "getaddrinfo", both)
        with pytest.raises(Unfetchable):
            await fetch(f"http://client.test:{port}/")


async def test_the_next_address_is_tried_where_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(_host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.3", "127.0.0.1")]

    async with answering(with_body(b"{}")) as port:
        monkeypatch.setattr(socket, "getaddrinfo", both)
        assert (await fetch(f"http://client.test:{port}/")).body == b"{}"


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_FAIL])
async def test_a_name_without_an_address_is_no_place(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def unknown(*_arguments: Any, **_options: Any) -> list[Any]:
        raise socket.gaierror(code, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unfetchable):
        await fetch("http://client.test/")


async def test_a_resolver_that_is_down_may_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_arguments: Any, **_options: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", down)
    with pytest.raises(FetchFailed):
        await fetch("http://client.test/")


async def test_redirects_are_not_followed() -> None:
    reached = anyio.Event()

    async def inside(_stream: ByteStream) -> None:
        reached.set()

    async with answering(inside) as secret:
        redirect = with_body(b"", "302 Found", f"Location: http://127.0.0.1:{secret}/")
        async with answering(redirect) as port:
            with pytest.raises(Unfetchable, match="302"):
                await fetch(f"http://127.0.0.1:{port}/")
    assert not reached.is_set()


@pytest.mark.parametrize(("status", "error"), [("404 Not Found", Unfetchable), ("204 No Content", Unfetchable)])
async def test_an_answer_that_is_no_document_is_final(status: str, error: type[Unfetchable]) -> None:
    async with answering(with_body(b"", status)) as port:
        with pytest.raises(error) as caught:
            await fetch(f"http://127.0.0.1:{port}/")
    assert caught.value.status == int(status[:3])


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Slow Down"])
async def test_an_answer_that_may_be_another_later_is_not_final(status: str) -> None:
    async with answering(with_body(b"", status)) as port:
        with pytest.raises(FetchFailed) as caught:
            await fetch(f"http://127.0.0.1:{port}/")
    assert caught.value.status == int(status[:3])


@pytest.mark.parametrize(("length", "outcome"), [(100, 100), (101, "status 200")])
async def test_a_document_has_a_bound_on_its_size(length: int, outcome: object) -> None:
    async def fetched(port: int) -> object:
        try:
            return len((await fetch(f"http://127.0.0.1:{port}/", limit=100)).body)
        except Unfetchable as error:
            return f"status {error.status}"

    async with answering(with_body(b"x" * length)) as port:
        assert await fetched(port) == outcome


async def test_a_document_without_an_end_is_left_at_the_bound() -> None:
    async def endless(stream: ByteStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(anyio.BrokenResourceError):
            while True:
                await stream.send(b"10\r\n" + b"x" * 16 + b"\r\n")

    async with answering(endless) as port:
        with pytest.raises(Unfetchable, match="longer"):
            await fetch(f"http://127.0.0.1:{port}/")


async def test_a_compressed_document_is_not_blown_up() -> None:
    bomb = gzip.compress(b"x" * 1_000_000)
    async with answering(with_body(bomb, "200 OK", "Content-Encoding: gzip")) as port:
        fetched = await fetch(f"http://127.0.0.1:{port}/", limit=5000)
    assert fetched.body == bomb


async def never(stream: ByteStream) -> None:
    await anyio.sleep_forever()


async def drops(stream: ByteStream) -> None:
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(10_000):
        await stream.send(b"x")
        await anyio.sleep(0.02)


@pytest.mark.parametrize("reply", [never, drops])
async def test_a_server_that_takes_its_time_is_left_alone(reply: Reply) -> None:
    async with answering(reply) as port:
        with pytest.raises(FetchFailed, match="in time"):
            await fetch(f"http://127.0.0.1:{port}/", limit=5000, deadline=timedelta(seconds=0.3))


async def test_what_is_no_http_is_no_document() -> None:
    async def other(stream: ByteStream) -> None:
        await stream.send(b"+PONG\r\n")

    async with answering(other) as port:
        with pytest.raises(FetchFailed):
            await fetch(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_is_checked_against_the_name_and_not_the_address(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate_path, key_path = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate_path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate_path, key_path)

    async def over_tls(stream: ByteStream) -> None:
        with contextlib.suppress(ssl.SSLError, anyio.BrokenResourceError):
            async with await TLSStream.wrap(stream, server_side=True, ssl_context=context) as secure:
                await secure.receive()
                await with_body(b"{}")(secure)

    async with listening(over_tls) as port:
        if host == "localhost":
            assert (await fetch(f"https://{host}:{port}/")).body == b"{}"
        else:
            with pytest.raises(FetchFailed, match="ConnectError"):
                await fetch(f"https://{host}:{port}/")


async def test_no_credential_is_sent_and_the_host_is_named() -> None:
    heads: list[bytes] = []

    async def serve(stream: ByteStream) -> None:
        heads.append(await stream.receive())
        await with_body(b"{}")(stream)

    async with listening(serve) as port:
        await fetch(f"http://localhost:{port}/c.json")
    head = heads[0].decode().lower()
    assert head.startswith("get /c.json http/1.1")
    assert f"host: localhost:{port}" in head
    assert not {"authorization:", "cookie:", "referer:"} & set(head.split())


def test_the_check_sees_addresses_and_not_their_spellings() -> None:
    seen: list[Any] = []

    def may_connect(address: Any) -> bool:
        seen.append(address)
        return False

    with pytest.raises(Unfetchable):
        anyio.run(lambda: fetch("http://[::ffff:127.0.0.1]:1/", may_connect=may_connect))
    assert seen == [ipaddress.ip_address("::ffff:127.0.0.1")]


@pytest.mark.requirement("CL-01")
async def test_what_is_asked_for_is_the_whole_url_as_it_is_written() -> None:
    heads: list[bytes] = []

    async def serve(stream: ByteStream) -> None:
        heads.append(await stream.receive())
        await with_body(b"{}")(stream)

    async with listening(serve) as port:
        await fetch(f"http://127.0.0.1:{port}/a%20b/c.json;v=2?x=1&y=%2F;z")
    assert heads[0].startswith(b"GET /a%20b/c.json;v=2?x=1&y=%2F;z HTTP/1.1\r\n")


@pytest.mark.requirement("CL-01")
async def test_a_repeated_header_is_one_list() -> None:
    reply = with_body(b"{}", "200 OK", "Cache-Control: no-store", "Cache-Control: max-age=60")
    async with answering(reply) as port:
        fetched = await fetch(f"http://127.0.0.1:{port}/")
    assert fetched.headers["cache-control"] == "no-store, max-age=60"


@pytest.mark.requirement("OP-04", "OP-09")
async def test_a_flood_of_documents_that_never_come_leaves_nothing_behind() -> None:
    fetcher = DocumentFetcher(is_loopback, deadline=timedelta(seconds=1.5))
    async with answering(never) as slow, answering(with_body(b"{}")) as port:
        for _ in range(2):
            async with anyio.create_task_group() as group:
                for index in range(150):
                    uri = parse_http_uri(f"http://127.0.0.{1 + index % 50}:{slow}/{index}")
                    group.start_soon(failing, fetcher, uri)
        with anyio.fail_after(5):
            assert (await fetcher.fetch(parse_http_uri(f"http://127.0.0.1:{port}/"), 100)).body == b"{}"


@pytest.mark.requirement("OP-04", "OP-09")
async def test_a_host_that_never_answers_does_not_keep_others_from_being_asked() -> None:
    fetcher = DocumentFetcher(is_loopback, deadline=timedelta(seconds=3))
    async with answering(never) as slow, answering(with_body(b"{}")) as port, anyio.create_task_group() as group:
        for index in range(100):
            group.start_soon(failing, fetcher, parse_http_uri(f"http://127.0.0.1:{slow}/{index}"))
        await anyio.wait_all_tasks_blocked()
        assert (await fetcher.fetch(parse_http_uri(f"http://localhost:{port}/"), 100)).body == b"{}"


async def failing(fetcher: DocumentFetcher, uri: HttpURI) -> None:
    with pytest.raises(FetchFailed):
        await fetcher.fetch(uri, 100)
