"""The internet between people and the rest: an HTTP proxy (RFC 9110 §9.3.6), for a test's process, which is at home.

It listens at loopback of the machine, runs in the people's network namespace, and connects from the address of whoever
authenticates: the address is the user name. Run as `python -m tests.deploy.rig.internet DESCRIPTOR NAME=ADDRESS…`, with
the descriptor of a listening socket.
"""

import asyncio
import base64
import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.deploy.rig.network import PEOPLE, Network, entering
from tests.support.stack import ROOT

_CHUNK = 65536
_CONNECT = re.compile(rb"CONNECT ([a-z0-9.-]+):(\d+) HTTP/1\.1\r\n")
_CREDENTIALS = re.compile(rb"(?i)\r\nProxy-Authorization: Basic ([A-Za-z0-9+/=]+)\r\n")


@contextlib.contextmanager
def internet(network: Network, names: Mapping[str, IPv4Address]) -> Iterator[str]:
    """People are connected, and find who is in `names`; yields the proxy's address, `HOST:PORT`."""
    namespace = network.connect("people", PEOPLE[254], PEOPLE)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        place = "{}:{}".format(*listener.getsockname())
        found = [f"{name}={address}" for name, address in names.items()]
        command = [sys.executable, "-m", "tests.deploy.rig.internet", str(listener.fileno()), *found]
        process = subprocess.Popen([*entering(namespace), *command], pass_fds=[listener.fileno()], cwd=ROOT)
    try:
        yield place
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Proxy:
    """Serves one connection after another.

    Args:
        names: Addresses by host name.
    """

    names: Mapping[str, str]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect, and carry bytes until one side ends or breaks; then nobody waits for the other."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            there = await self._connected(head)
        except (OSError, LookupError, asyncio.IncompleteReadError):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        ways = {asyncio.create_task(_pass_on(reader, there[1])), asyncio.create_task(_pass_on(there[0], writer))}
        _, open_still = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in open_still:
            way.cancel()
        writer.close()
        there[1].close()

    async def _connected(self, head: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To whom the request names, from the address that it comes with. Raises LookupError, OSError."""
        asked, credentials = _CONNECT.match(head), _CREDENTIALS.search(head)
        if not asked or not credentials:
            raise LookupError(head)
        person, _, _ = base64.b64decode(credentials[1]).decode().partition(":")
        address = self.names[asked[1].decode()]
        return await asyncio.open_connection(address, int(asked[2]), local_addr=(person, 0))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()


async def main(listener: socket.socket, names: Mapping[str, str]) -> None:
    """Serve until killed."""
    await asyncio.start_server(Proxy(names).serve, sock=listener, backlog=1024)
    await asyncio.Event().wait()


if __name__ == "__main__":
    pairs = [argument.partition("=") for argument in sys.argv[2:]]
    asyncio.run(main(socket.socket(fileno=int(sys.argv[1])), {name: address for name, _, address in pairs}))
