"""People's doors to the network, which a test's process, itself not part of it, can use.

Run in the namespace of the people, as `python -m tests.deploy.rig.doors DIRECTORY NETWORK NAME=ADDRESS:PORT…`: for each
address of the network and each name there is a Unix socket NAME-ADDRESS, and who connects to it is connected, from that
address, to where the name leads.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

_CHUNK = 65536

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def door(directory: Path, name: str, person: IPv4Address) -> Path:
    """The socket through which `person` gets to where `name` leads."""
    return directory / f"{name}-{person}"


async def carry(place: tuple[str, int], person: IPv4Address, *here: Any) -> None:
    """Connect both sides until one of them breaks, or both have ended."""
    reader, writer = here
    try:
        there = await asyncio.open_connection(*place, local_addr=(str(person), 0))
    except OSError:
        writer.transport.abort()
        return
    try:
        await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))
    except OSError:
        writer.transport.abort()
        there[1].transport.abort()
    finally:
        writer.close()
        there[1].close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def main(directory: Path, network: IPv4Network, places: dict[str, tuple[str, int]]) -> None:
    """Open every door, and serve until killed."""
    for person in network.hosts():
        for name, place in places.items():
            opened: Callable[..., Coroutine[Any, Any, None]] = partial(carry, place, person)
            await asyncio.start_unix_server(opened, door(directory, name, person))
    (directory / "open").touch()
    await asyncio.Event().wait()


if __name__ == "__main__":
    named = [argument.partition("=") for argument in sys.argv[3:]]
    leads_to = {name: (where.rpartition(":")[0], int(where.rpartition(":")[2])) for name, _, where in named}
    asyncio.run(main(Path(sys.argv[1]), IPv4Network(sys.argv[2]), leads_to))
