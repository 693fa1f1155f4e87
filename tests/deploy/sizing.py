"""What the two services need: `python -m tests.deploy.sizing` prints the figures of "Sizing" in deploy/README.md.

Everything runs on this machine, over loopback, with a real Redis: first nothing, then sign-ins, then calls, then open
streams. What is told of a process is its resident memory and the processor time that it used.
"""

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio

from tests.support.person import Person, call
from tests.support.servers import Program, RedisServer, free_port
from tests.support.stack import Stack, running_stack

SIGN_INS, CALLS, STREAMS, AT_ONCE = 200, 4000, 200, 8
_UNLIMITED = (
    "MCP_RATE_LIMIT_REGISTER",
    "MCP_RATE_LIMIT_AUTHORIZE",
    "MCP_RATE_LIMIT_TOKEN",
    "OAUTH2_RATE_LIMIT_LOGIN",
    "OAUTH2_RATE_LIMIT_CALLBACK",
    "OAUTH2_RATE_LIMIT_BACKEND",
)
_TICKS = os.sysconf("SC_CLK_TCK")


def memory(program: Program) -> float:
    """Resident, in MiB."""
    status = Path(f"/proc/{program.process.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def seconds(program: Program) -> float:
    """Of a processor, used until now."""
    fields = Path(f"/proc/{program.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@asynccontextmanager
async def measured(stack: Stack, what: str, times: int) -> AsyncIterator[None]:
    """Print what both services used while `what` was done `times` times."""
    programs = {"auth server": stack.auth_server, "gateway": stack.gateway}
    before = {name: seconds(program) for name, program in programs.items()}
    yield
    for name, program in programs.items():
        each = (seconds(program) - before[name]) / times * 1000 if times else 0.0
        sys.stdout.write(f"{what:>16}  {name:<12}{memory(program):6.0f} MiB {each:8.2f} ms of a processor each\n")


async def sign_in(stack: Stack, name: str) -> None:
    person = Person(name)
    async with person.client(stack.mcp_url) as client:
        await client.list_tools()
    await person.aclose()


async def main() -> None:
    redis = RedisServer(shutil.which("redis-server") or "redis-server", free_port())
    redis.start()
    try:
        with running_stack(dict.fromkeys(_UNLIMITED, "unlimited") | {"REDIS_URL": redis.url}) as stack:
            async with measured(stack, "idle", 0):
                pass
            async with measured(stack, "sign-in", SIGN_INS):
                for first in range(0, SIGN_INS, AT_ONCE):
                    async with anyio.create_task_group() as group:
                        for number in range(first, first + AT_ONCE):
                            group.start_soon(sign_in, stack, f"person-{number}")
            async with measured(stack, "MCP call", CALLS):
                await _calls(stack)
            await _streams(stack)
    finally:
        redis.stop()


async def _calls(stack: Stack) -> None:
    async def some(name: str) -> None:
        person = Person(name)
        async with person.client(stack.mcp_url) as client:
            for _ in range(CALLS // AT_ONCE):
                await call(client, "whoami")
        await person.aclose()

    async with anyio.create_task_group() as group:
        for number in range(AT_ONCE):
            group.start_soon(some, f"caller-{number}")


async def _streams(stack: Stack) -> None:
    person = Person("watcher")
    async with AsyncExitStack() as clients:
        await clients.enter_async_context(person.client(stack.mcp_url, "legacy"))
        async with measured(stack, "held stream", STREAMS):
            for _ in range(STREAMS):
                await clients.enter_async_context(person.client(stack.mcp_url, "legacy"))
    await person.aclose()


if __name__ == "__main__":
    anyio.run(main)
