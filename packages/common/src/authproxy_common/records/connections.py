"""From a store's URL to connections: one server, the primary that Sentinels name, a cluster, or a server within."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, TypeVar

import redis.asyncio as redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection
from redis.exceptions import AuthenticationError, InvalidResponse, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from authproxy_common.frozen import frozen
from authproxy_common.records.cluster import ClusterConnections
from authproxy_common.records.commands import Command, Connections, Unreached
from authproxy_common.records.store_url import Address, StoreURL, Topology

T = TypeVar("T")

# Where somebody else can take over, it is no use to wait long for one who may be gone.
_PATIENCE = {Topology.SINGLE: 2.0, Topology.SENTINEL: 1.0, Topology.CLUSTER: 1.0}
_SENTINEL_PATIENCE = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
_PRIMARY_KEPT = 1.0


@frozen
class OneServer:
    """`Connections` to the one server that there is, or to whichever the Sentinels call the primary.

    Args:
        client: Of it.
        sentinel: Who is asked for it.
    """

    client: "redis.Redis"
    sentinel: Sentinel | None = None

    shares_keys_out: ClassVar[bool] = False

    async def run(self, command: Command[T], key: str | None = None) -> T:  # noqa: ARG002  # it keeps every key
        """See `Connections`."""
        return await command(self.client)

    async def aclose(self) -> None:
        """See `Connections`."""
        await self.client.aclose()
        if self.sentinel:
            await self.sentinel.aclose()


def open_connections(url: StoreURL) -> Connections:
    """To the servers at `url`; connects when first used."""
    return _OPENED[url.topology](url)


def _embedded(_url: StoreURL) -> Connections:
    # Here, because whoever has a server does not need it, and it is a tenth of a start.
    import fakeredis  # noqa: PLC0415

    return OneServer(fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer(), version=(7, 2)))


def _single(url: StoreURL) -> Connections:
    return OneServer(_client(url.addresses[0], _options(url)))


def _cluster(url: StoreURL) -> Connections:
    options = _options(url)
    return ClusterConnections(url.addresses, lambda address: _client(address, options))


def _behind_sentinels(url: StoreURL) -> Connections:
    options = _options(url)
    sentinel = Sentinel([])  # type: ignore[no-untyped-call]
    theirs = {
        **options,
        **_SENTINEL_PATIENCE,
        "username": url.options.get("sentinel_username"),
        "password": url.options.get("sentinel_password"),
        "db": 0,
    }
    sentinel.sentinels = [_client(address, theirs) for address in url.addresses]
    connection = _SentinelTLSConnection if url.is_tls else SentinelManagedConnection
    pool = _SentinelPool(
        service_name=url.service, sentinel_manager=sentinel, **{**options, "connection_class": connection}
    )
    return OneServer(redis.Redis.from_pool(pool), sentinel)


_OPENED: Mapping[Topology, Callable[[StoreURL], Connections]] = {
    Topology.EMBEDDED: _embedded,
    Topology.SINGLE: _single,
    Topology.SENTINEL: _behind_sentinels,
    Topology.CLUSTER: _cluster,
}


def _client(address: Address, options: Mapping[str, Any]) -> "redis.Redis":
    return redis.Redis.from_pool(_Pool(host=address.host, port=address.port, **options))


def _options(url: StoreURL) -> dict[str, Any]:
    """For a pool, and for its connections. Whether a command is sent again is for `Commands` to say."""
    return {
        "username": url.username,
        "password": url.password.reveal() or None,
        "db": url.database,
        "protocol": int(url.options.get("protocol", "3")),
        "socket_timeout": _PATIENCE[url.topology],
        "socket_connect_timeout": 1,
        "health_check_interval": 15,
        "max_connections": 256,
        "timeout": 2,
        # With them on, which is the default, the pool hands out connections that the server has closed.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        **({"connection_class": _TLSConnection, "tls": url.tls_context()} if url.is_tls else {}),
    }


class _Pool(redis.BlockingConnectionPool):
    """Its callers wait for a place: one that is used up would look like a server that is down."""

    async def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> Any:  # noqa: ARG002
        """A connection that answers; raises Unreached."""
        try:
            connection = await super().get_connection()  # type: ignore[no-untyped-call]
            try:
                # Here, where it is plain that the command was not sent, and not while it is.
                await connection.check_health()
            except BaseException:
                await self.release(connection)
                raise
        except AuthenticationError:
            raise
        # The last is what the library makes of somebody who answers HELLO, and not as Redis does.
        except (RedisConnectionError, RedisTimeoutError, InvalidResponse, OSError, AttributeError) as error:
            raise Unreached("no connection could be made") from error
        return connection


class _SentinelPool(_Pool, SentinelConnectionPool):
    """The same, to the primary that the Sentinels name, who are asked again every second.

    One that was replaced on request, or while the Sentinels could not reach it, takes commands for seconds more, and
    forgets them when it becomes a replica.
    """

    _asked_at = -_PRIMARY_KEPT

    async def ensure_connection(self, connection: Any) -> None:
        """See there."""
        await self._follow_primary()
        if connection.is_connected and (connection.host, connection.port) != self.master_address:
            await connection.disconnect()
        await super().ensure_connection(connection)

    async def _follow_primary(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._asked_at + _PRIMARY_KEPT:
            # Noted before the answer, so that one command in a second waits for it.
            self._asked_at = now
            # Where no Sentinel answers, whoever was the primary goes on being it.
            with suppress(RedisError, TimeoutError):
                async with asyncio.timeout(_SENTINEL_PATIENCE["socket_timeout"]):
                    await self.get_master_address()  # type: ignore[no-untyped-call]


class _TLSConnection(SSLConnection):
    """By a context that is made once: one for each connection would read every authority's certificate anew."""

    def __init__(self, *, tls: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = tls


class _SentinelTLSConnection(SentinelManagedConnection, _TLSConnection):
    """The same, to the primary that the Sentinels name."""
