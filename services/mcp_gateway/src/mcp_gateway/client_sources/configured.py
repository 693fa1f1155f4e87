"""Clients that the operator configured."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcp_gateway.domain.clients import Client


@dataclass(frozen=True, slots=True)
class ConfiguredClients:
    """`flows.ports.ClientSource` for the settings' `clients`, by client_id."""

    clients: Mapping[str, Client]

    async def find(self, client_id: str) -> Client | None:
        """The client, or None."""
        return self.clients.get(client_id)
