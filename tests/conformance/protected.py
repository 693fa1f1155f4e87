"""The conformance server behind the gateway, and the ways to it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.conformance.forwarder import forwarding
from tests.support.person import Person
from tests.support.servers import free_port
from tests.support.stack import Stack, as_it_is, running_stack


@dataclass(frozen=True, slots=True)
class Protected:
    """A running stack whose MCP server is the conformance server.

    Args:
        stack: The stack.
        forwarder_port: Where a forwarder may stand: the gateway takes calls that come by its name.
    """

    stack: Stack
    forwarder_port: int

    @asynccontextmanager
    async def through_the_gateway(self) -> AsyncIterator[str]:
        """A URL at which the gateway answers as it does to a client that has signed in."""
        person = Person("alice")
        async with person.client(self.stack.mcp_url):
            pass
        await person.aclose()
        assert person.tokens.tokens
        gateway_port = urlsplit(self.stack.gateway_url).port
        assert gateway_port
        async with forwarding(self.forwarder_port, gateway_port, person.tokens.tokens.access_token):
            yield f"http://127.0.0.1:{self.forwarder_port}/mcp"


@contextmanager
def running_protected(edit_gateway: Callable[[str], str] = as_it_is) -> Iterator[Protected]:
    """Everything as processes, on free ports."""
    port = free_port()
    variables = {"MCP_ALLOWED_HOSTS": f"127.0.0.1:{port}"}
    with running_stack(variables, edit_gateway=edit_gateway, upstream="tests.conformance.server") as stack:
        yield Protected(stack, port)


def reading_everything(config: str) -> str:
    """With a policy that reads every message, lets alice in, and takes nothing away."""
    policy = 'tools: {exclude_tools: ["/no such tool/"], restricted: {"*": {required_scopes: [mcp]}}}'
    assert config.count("      scopes:\n") == 1
    return config.replace(
        "      scopes:\n", f"      allow: {{claims: {{sub: [alice]}}}}\n      {policy}\n      scopes:\n"
    )
