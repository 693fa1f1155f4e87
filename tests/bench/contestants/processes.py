"""Starting a contestant on its core."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import answers, wait_until


@contextmanager
def pinned(
    command: Sequence[str], core: int, port: int, log: Path, variables: Mapping[str, str] | None = None
) -> Iterator[int]:
    """`command`, from when it listens at `port` until the context ends; yields its pid."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(variables or {})},
        )
    try:
        wait_until(
            lambda: answers(port),
            lambda: f"{command[0]} ended:\n{log.read_text(errors='replace')}" if process.poll() is not None else None,
        )
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
