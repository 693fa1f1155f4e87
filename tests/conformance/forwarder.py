"""Between the suite, which cannot send an `Authorization` header, and the gateway, which wants one."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress

_PIECE = 64 * 1024


@asynccontextmanager
async def forwarding(port: int, to: int, access_token: str) -> AsyncIterator[None]:
    """Forward each request that comes to `port` of this computer, with the token added, to its port `to`.

    Nothing else is changed or understood: one connection is made for each request, and bytes pass both ways as they
    come until either side has had enough.
    """
    ours = f"Authorization: Bearer {access_token}\r\nConnection: close\r\n\r\n".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", to)
            onward.write(_without_connection(head) + ours)
            await _until_either_ends(_pipe(reader, onward), _pipe(onward_reader, writer))
            onward.close()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port):
        yield


def _without_connection(head: bytes) -> bytes:
    """The request line and the headers, without the empty line at the end."""
    lines = head[: -len(b"\r\n\r\n")].split(b"\r\n")
    return b"".join(line + b"\r\n" for line in lines if not line.lower().startswith(b"connection:"))


async def _until_either_ends(*pipes: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.create_task(pipe) for pipe in pipes]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
