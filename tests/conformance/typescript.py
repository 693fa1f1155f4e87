"""An MCP client on the official TypeScript SDK, as a process whose browser is a person's."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.conformance.suite import Suite
from tests.support.person import Person

_PROGRAM = Path(__file__).resolve().parent / "typescript_client.mjs"
_LONGEST_LINE = 65536


class TypeScriptClientFailed(Exception):
    """What the SDK threw, in its words."""


@dataclass(frozen=True, slots=True)
class TypeScriptClient:
    """A connected client."""

    process: Process
    lines: BufferedByteReceiveStream
    person: Person

    async def call(self, tool: str, **arguments: object) -> str:
        """What the tool answers, after another sign-in where one is needed."""
        assert self.process.stdin
        await self.process.stdin.send(json.dumps({"name": tool, "arguments": arguments}).encode() + b"\n")
        return await self.answer()

    async def answer(self) -> str:
        """The next answer; what it opens in a browser before, the person sees to."""
        while True:
            said = json.loads(await self.lines.receive_until(b"\n", _LONGEST_LINE))
            if "failed" in said:
                raise TypeScriptClientFailed(said["failed"])
            if "answer" in said:
                return str(said["answer"])
            await self.person.open_browser(said["open"])


@asynccontextmanager
async def typescript_client(
    suite: Suite, package: str, mode: str, url: str, person: Person
) -> AsyncIterator[TypeScriptClient]:
    """A client on `package`, with the protocol that it negotiates in `mode`, signed in."""
    command = [suite.node, str(_PROGRAM), package, mode, url]
    environment = {"PATH": os.environ["PATH"]}
    async with await anyio.open_process(command, env=environment, stderr=None) as process:
        assert process.stdout
        client = TypeScriptClient(process, BufferedByteReceiveStream(process.stdout), person)
        try:
            assert await client.answer() == "sample"
            yield client
        finally:
            process.terminate()
