"""What a call costs the process that makes it, by the gateway's own transport and by HTTP clients.

`make bench-transport`. CPU time, user and system, of this process alone: the server is another one, on another core
where there is one. Every client does every task in turn, again and again, so that whatever else the machine does meets
them all. Those that are not installed are left out; `pip install --target DIRECTORY NAME` and PYTHONPATH bring one in.
"""

import asyncio
import contextlib
import importlib.metadata
import multiprocessing
import os
import statistics
import sys
import time
from multiprocessing.connection import Connection
from typing import cast

import uvloop

from tests.bench.http_clients import BODY, CLIENTS, Call

_ROUNDS = int(os.environ.get("ROUNDS", "5"))
_SECONDS_EACH = float(os.environ.get("SECONDS_EACH", "0.25"))


def _json(size: int) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-store\r\ncontent-length: %d\r\n\r\n"
    return head % size + b"x" * size


def _events(count: int) -> bytes:
    event = (
        b'event: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\r\n\r\n'
    )
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n" % (len(event), event) * count + b"0\r\n\r\n"


_ANSWERS = {"json": _json(140), "64KB": _json(65536), "sse": _events(10)}
_TASKS = [(answer, at_once) for answer in _ANSWERS for at_once in (1, 32, 128)]


class Stub(asyncio.Protocol):
    """Answers what its path asks for, at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.heard = b""

    def data_received(self, data: bytes) -> None:
        # Some clients send head and body apart.
        self.heard += data
        if self.heard.endswith(BODY):
            path = self.heard.split(b" ", 2)[1]
            self.heard = b""
            self.transport.write(_ANSWERS[path[1:].decode()])


def serve(port: Connection) -> None:
    """The server's process."""
    _pin(-1)

    async def listen() -> None:
        server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, backlog=1024)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(listen())


async def measure(origin: str) -> dict[tuple[str, str, int], float]:
    """CPU µs of a call, by client, answer, and how many are under way at once: the median of all rounds."""
    costs: dict[tuple[str, str, int], list[float]] = {}
    for round_ in range(_ROUNDS + 1):
        for answer, at_once in _TASKS:
            for client in _installed():
                seen = costs.setdefault((client, answer, at_once), [])
                # The first round finds out how many calls make up the time, and is dropped.
                calls = max(at_once, int(_SECONDS_EACH * 1e6 / seen[-1])) if round_ else 4 * at_once
                async with CLIENTS[client]() as call:
                    seen.append(await _cost(call, f"{origin}/{answer}", at_once, calls))
    return {task: statistics.median(seen[1:]) for task, seen in costs.items()}


async def _cost(call: Call, url: str, at_once: int, calls: int) -> float:
    left = calls

    async def one_after_the_other() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await call(url)

    # Connections are made before the clock runs.
    await asyncio.gather(*(call(url) for _ in range(at_once)))
    began = time.process_time()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return (time.process_time() - began) / calls * 1e6


def _installed() -> list[str]:
    return [client for client in CLIENTS if client == "ours" or _version(client)]


def _version(client: str) -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(client)
    return ""


def _pin(index: int) -> None:
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[index]})


def main() -> None:
    """Print the costs, and how many times ours they are."""
    here, there = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        if not here.poll(20):
            sys.exit("the server does not start")
        port = here.recv()
        _pin(0)
        costs = uvloop.run(measure(f"http://127.0.0.1:{port}"))
    finally:
        server.terminate()
        server.join()
    print("CPU µs of a call, and how many times ours, by answer and calls under way at once\n")
    print(" " * 12 + "".join(f"{client + ' ' + _version(client):>18}" for client in _installed()))
    for answer, at_once in _TASKS:
        row = [(costs[client, answer, at_once], costs["ours", answer, at_once]) for client in _installed()]
        print(f"{answer:5} x {at_once:<4}" + "".join(f"{cost:10.1f} ({cost / ours:5.1f})" for cost, ours in row))


if __name__ == "__main__":
    main()
