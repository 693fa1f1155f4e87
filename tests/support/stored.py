"""A look into the server of a store."""

import redis.asyncio as redis

from authproxy_common.records import RedisStore
from authproxy_common.records.connections import OneServer


def client_of(store: RedisStore) -> "redis.Redis":
    """A client of the one server that the store has."""
    connections = store.commands.connections
    assert isinstance(connections, OneServer)
    return connections.client
