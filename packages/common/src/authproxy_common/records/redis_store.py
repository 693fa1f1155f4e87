"""The store on Redis, however its servers stand to each other; `memory://` is the same code on an embedded server."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from authproxy_common.frozen import frozen
from authproxy_common.records.commands import Commands
from authproxy_common.records.connections import open_connections
from authproxy_common.records.store_url import parse_store_url
from authproxy_common.secret import Secret

PING_DEADLINE = timedelta(seconds=1)


@frozen
class RedisStore:
    """`Store` on commands to Redis."""

    commands: Commands

    async def put(self, key: str, value: bytes, ttl: timedelta) -> None:
        await self.commands.repeatable(lambda client: client.set(key, value, px=ttl), key)

    async def get(self, key: str) -> bytes | None:
        return _bytes(await self.commands.repeatable(lambda client: client.get(key), key))

    async def get_all(self, keys: Sequence[str]) -> list[bytes | None]:
        if self.commands.connections.shares_keys_out:
            return await asyncio.gather(*(self.get(key) for key in keys))
        return [_bytes(each) for each in await self.commands.repeatable(lambda client: client.mget(keys))]

    async def take(self, key: str) -> bytes | None:
        return _bytes(await self.commands.once(lambda client: client.getdel(key), key))

    async def claim(self, key: str, value: bytes, ttl: timedelta) -> bytes | None:
        standing = _bytes(
            await self.commands.repeatable(lambda client: client.set(key, value, nx=True, get=True, px=ttl), key)
        )
        return None if standing == value else standing

    async def ping(self) -> None:
        await self.commands.repeatable(lambda client: client.ping(), deadline=PING_DEADLINE)

    async def aclose(self) -> None:
        await self.commands.connections.aclose()


def open_store(url: Secret) -> RedisStore:
    """The store at `url`, in which `store_url_problem` finds nothing wrong; connects when first used."""
    return RedisStore(Commands(open_connections(parse_store_url(url))))


def _bytes(answer: object) -> bytes | None:
    """What a client without `decode_responses` answers; its annotations allow more."""
    return answer if isinstance(answer, bytes) else None
