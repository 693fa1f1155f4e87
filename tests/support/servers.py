"""Real servers for tests: ASGI applications on free ports, redis-server, and the project's own programs."""

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import anyio
import uvicorn
from starlette.types import ASGIApp

from authproxy_common.http.protocol import HTTPProtocol

_READY_WITHIN = 30.0


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp,
    port: int = 0,
    tls: tuple[Path, Path] | None = None,
    protocol: Callable[..., asyncio.Protocol] | None = None,
) -> AsyncIterator[str]:
    """`app` behind uvicorn, as it is served in production, or over TLS with a certificate; yields its origin.

    `protocol` makes the protocol of a connection in place of the usual one.
    """
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        app,
        port=port,
        log_config=None,
        access_log=False,
        http=cast("type[asyncio.Protocol]", protocol or HTTPProtocol),
        lifespan="off",
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        # `Server.serve` would take over the test runner's signal handlers.
        task = asyncio.ensure_future(server._serve([listener]))
        try:
            with anyio.fail_after(_READY_WITHIN):
                while not server.started:
                    await anyio.lowlevel.checkpoint()
            yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@dataclass
class Program:
    """A running program of ours, and where its output goes."""

    process: "subprocess.Popen[bytes]"
    output: Path

    def read_output(self) -> str:
        """All that it has written so far."""
        return self.output.read_text(errors="replace")

    def failure(self) -> str | None:
        """What it wrote, if it has ended."""
        return None if self.process.poll() is None else f"it ended:\n{self.read_output()}"

    def stop(self) -> int:
        """Ask it to stop and wait; the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextlib.contextmanager
def running(
    command: Sequence[str], variables: Mapping[str, str], is_ready: Callable[[], bool], name: str
) -> Iterator[Program]:
    """`command` as a process of its own, from when `is_ready` until the context ends."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / f"{name}.log"
        environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "HOME": directory, **variables}
        with output.open("wb") as sink:
            process = subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.STDOUT)
        program = Program(process, output)
        try:
            wait_until(is_ready, program.failure)
            yield program
        finally:
            program.stop()


def wait_until(is_so: Callable[[], bool], has_failed: Callable[[], str | None] = lambda: None) -> None:
    """Return once `is_so`; fail with the reason of `has_failed`, or when it takes too long."""
    deadline = time.monotonic() + _READY_WITHIN
    pause = 0.01
    while not is_so():
        if reason := has_failed():
            raise AssertionError(reason)
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        time.sleep(pause)  # between two looks at another process, which can tell us nothing by itself


def answers(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class RedisServer:
    """A real redis-server of the test's own, which can be stopped and started again at its port."""

    binary: str
    port: int
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([self.binary, *options], stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        wait_until(lambda: answers(self.port))

    def stop(self) -> None:
        """Kill it, as a machine that fails would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
