"""What is around a call."""

import asyncio
from typing import Protocol

from authproxy_common.frozen import frozen
from mcp_gateway.lane.heads import Heads
from mcp_gateway.lane.journal import Journal
from mcp_gateway.proxy.headers import RawHeaders


class Visitor(Protocol):
    """The connection of whoever asked."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop

    def keeps_alive(self) -> bool:
        """Whether the connection stays when the answer has ended."""
        ...

    def server_headers(self) -> RawHeaders:
        """Those that every answer of the server has."""
        ...

    def answered(self) -> None:
        """The answer has ended, or will never."""
        ...

    def try_otherwise(self) -> bool:
        """Whether the application took the call over, which nobody has heard of yet."""
        ...


@frozen
class AroundCalls:
    """What all calls need.

    Args:
        heads: Writes the heads of answers.
        journal: Where calls are noted.
        longest_message: A longer one is the application's, in bytes.
    """

    heads: Heads
    journal: Journal
    longest_message: int


class Unheard:
    """An event that nobody waits for."""

    def set(self) -> None:
        """It has happened."""
