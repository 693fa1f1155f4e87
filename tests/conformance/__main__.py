"""The suite's server mode by hand, through the gateway or `--direct`: docs/conformance.md."""

import sys

import anyio

from tests.conformance.protected import running_protected
from tests.conformance.suite import Suite


async def main() -> int:
    """The suite's exit code."""
    suite, arguments = Suite.find(), sys.argv[1:]
    if suite is None:
        sys.exit("the conformance suite is not installed: make conformance-suite")
    with running_protected() as protected:
        if "--direct" in arguments:
            arguments.remove("--direct")
            return await run(suite, protected.stack.upstream_url, arguments)
        async with protected.through_the_gateway() as url:
            return await run(suite, url, arguments)


async def run(suite: Suite, url: str, arguments: list[str]) -> int:
    """What the suite prints goes where ours does."""
    command = suite.command("server", "--url", url, *arguments)
    return (await anyio.run_process(command, stdout=None, stderr=None, check=False)).returncode


if __name__ == "__main__":
    sys.exit(anyio.run(main))
