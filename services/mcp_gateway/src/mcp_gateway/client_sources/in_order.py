"""Several sources as one."""

from collections.abc import Sequence

from authproxy_common.frozen import frozen
from mcp_gateway.domain.clients import Client
from mcp_gateway.flows.ports import ClientSource


@frozen
class ClientSourcesInOrder:
    """`flows.ports.ClientSource`: the first of `sources` that knows the client."""

    sources: Sequence[ClientSource]

    async def find(self, client_id: str) -> Client | None:
        """The client, or None; raises what a source raises."""
        for source in self.sources:
            if client := await source.find(client_id):
                return client
        return None
