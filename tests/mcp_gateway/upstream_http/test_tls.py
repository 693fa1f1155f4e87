"""https towards an MCP server: it is who it has to be, or nothing is sent."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mcp_gateway.proxy.transport import UpstreamNotReached
from mcp_gateway.proxy.upstream_http.limits import Limits
from mcp_gateway.proxy.upstream_http.tls import client_context
from mcp_gateway.proxy.upstream_http.transport import PooledTransport
from tests.support.certificates import certificate
from tests.support.scripted_server import Peer, Script, ScriptedServer, scripted
from tests.support.upstream_calls import call

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TP-06")]

DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"


async def answering(peer: Peer) -> None:
    while True:
        await peer.answer(DONE)


async def closing(peer: Peer) -> None:
    """An answer that ends with its connection."""
    await peer.answer(b"HTTP/1.1 200 OK\r\n\r\ndone")


class Scene:
    """A server with a certificate for a name, and a transport that believes its authority or not."""

    def __init__(self, directory: Path, name: str) -> None:
        self.certificate, key = certificate(directory, name)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate, key)
        self.tls.sni_callback = lambda _socket, asked, _context: self.names_asked_for.append(asked)
        self.tls.set_alpn_protocols(["h2", "http/1.1"])
        self.names_asked_for: list[str | None] = []
        self.contexts_made = 0

    def context(self) -> ssl.SSLContext:
        self.contexts_made += 1
        return client_context(self.certificate)

    @asynccontextmanager
    async def open(self, script: Script = answering) -> AsyncIterator[tuple[ScriptedServer, PooledTransport]]:
        transport = PooledTransport(Limits(), self.context)
        async with scripted(script, tls=self.tls) as server:
            yield server, transport
        await transport.aclose()
        assert transport.places_taken == 0


def at(server: ScriptedServer, name: str) -> str:
    return server.url.replace("127.0.0.1", name)


async def test_a_server_with_the_right_name_is_asked_for_by_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "localhost")
    async with scene.open() as (server, transport):
        url = at(server, "localhost")
        assert [(await call(transport, url)).body for _ in range(3)] == [b"done"] * 3
        assert len(server.peers) == 1
    assert scene.names_asked_for == ["localhost"]
    assert b"host: localhost:" in server.requests[0]


async def test_an_address_is_verified_and_not_named(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "127.0.0.1")
    async with scene.open() as (server, transport):
        assert (await call(transport, server.url)).body == b"done"
    assert scene.names_asked_for == [None]


@pytest.mark.parametrize(
    ("certified", "asked"),
    [
        pytest.param("other.test", "localhost", id="another name"),
        pytest.param("other.test", "127.0.0.1", id="a name for an address"),
        pytest.param("127.0.0.9", "127.0.0.1", id="another address"),
        pytest.param("127.0.0.1", "localhost", id="an address for a name"),
    ],
)
async def test_a_server_with_another_name_gets_nothing(tmp_path: Path, certified: str, asked: str) -> None:
    async with Scene(tmp_path, certified).open() as (server, transport):
        with pytest.raises(UpstreamNotReached) as failed:
            await call(transport, at(server, asked), "POST", body=b"secret")
        assert isinstance(failed.value.__cause__, ssl.SSLCertVerificationError)
        assert server.requests == []


async def test_a_server_that_nobody_vouches_for_gets_nothing(tmp_path: Path, transport: PooledTransport) -> None:
    async with scripted(answering, tls=Scene(tmp_path, "localhost").tls) as server:
        with pytest.raises(UpstreamNotReached) as failed:
            await call(transport, at(server, "localhost"), "POST", body=b"secret")
        assert isinstance(failed.value.__cause__, ssl.SSLCertVerificationError)
        assert server.requests == []


async def test_a_server_that_speaks_no_tls_gets_nothing(transport: PooledTransport) -> None:
    heard = bytearray()

    async def script(peer: Peer) -> None:
        heard.extend(await peer.reader.read(65536))
        await peer.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    async with scripted(script) as server:
        with pytest.raises(UpstreamNotReached) as failed:
            await call(transport, server.url.replace("http:", "https:"), "POST", body=b"secret")
        assert isinstance(failed.value.__cause__, ssl.SSLError)
    assert b"secret" not in heard


async def test_one_context_serves_every_connection(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "localhost")
    async with scene.open(closing) as (server, transport):
        for _ in range(3):
            assert (await call(transport, at(server, "localhost"))).body == b"done"
        assert len(server.peers) == 3
    assert scene.contexts_made == 1


async def test_a_context_verifies_and_speaks_one_version_of_http() -> None:
    context = client_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.get_ca_certs()


async def test_an_answer_may_end_with_its_connection(tmp_path: Path) -> None:
    async with Scene(tmp_path, "localhost").open(closing) as (server, transport):
        assert (await call(transport, at(server, "localhost"))).body == b"done"
