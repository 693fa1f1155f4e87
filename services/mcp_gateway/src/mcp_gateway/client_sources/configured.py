"""Clients that the operator configured."""

from collections.abc import Mapping

from authproxy_common.frozen import frozen
from mcp_gateway.domain.clients import Client


@frozen
class ConfiguredClients:
    """`flows.ports.ClientSource` for the settings' `clients`, by client_id."""

    clients: Mapping[str, Client]

    async def find(self, client_id: str) -> Client | None:
        """The client, or None."""
        return self.clients.get(client_id)
