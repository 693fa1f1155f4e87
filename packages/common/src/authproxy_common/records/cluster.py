"""Redis Cluster: a command goes to the primary that owns its key's slot, by a map that the nodes themselves give.

The library's own client for it is not used (docs/adr/0013-cluster-nodes-are-asked-one-by-one.md).
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from authproxy_common.records.commands import Command, Unreached
from authproxy_common.records.store_url import Address

T = TypeVar("T")

# A slot that is being moved is asked for at two nodes; one that moves again meanwhile, at a few more.
_REDIRECTIONS = 5


@dataclass(slots=True)
class ClusterConnections:
    """`Connections` to a cluster.

    Args:
        seeds: Nodes that know the others.
        open_node: A client of one node; connects when first used.
    """

    seeds: Sequence[Address]
    open_node: Callable[[Address], "Redis"]
    _nodes: dict[Address, "Redis"] = field(default_factory=dict)
    _members: set[Address] = field(default_factory=set)
    _owners: dict[int, Address] = field(default_factory=dict)
    _suspect: Address | None = None
    _learning: asyncio.Lock = field(default_factory=asyncio.Lock)

    shares_keys_out: ClassVar[bool] = True

    async def run(self, command: Command[T], key: str | None = None) -> T:
        """See `Connections`."""
        owners, address = self._owners or await self._learn(), None
        try:
            address = _any_owner(owners) if key is None else _owner(owners, key)
            return await self._follow(command, address, owners)
        except (RedisError, OSError) as error:
            # The next one to come asks who owns what, unless somebody has asked since.
            if self._owners is owners and _is_of_the_node(error):
                self._owners, self._suspect = {}, address
            raise

    async def aclose(self) -> None:
        """See `Connections`."""
        async with AsyncExitStack() as closing:
            for node in self._nodes.values():
                closing.push_async_callback(node.aclose)

    async def _follow(self, command: Command[T], address: Address, owners: dict[int, Address]) -> T:
        is_moving = False
        for _ in range(_REDIRECTIONS):
            node = self._node(address)
            try:
                return await (_asking(node, command) if is_moving else command(node))
            except MovedError as moved:
                address, is_moving = Address(moved.host or address.host, moved.port), False
                owners[moved.slot_id] = address
            except AskError as ask:
                address, is_moving = Address(ask.host or address.host, ask.port), True
        raise ClusterDownError("the nodes do not agree on who owns the slot")

    async def _learn(self) -> dict[int, Address]:
        """The owner of each slot, by the first node that knows; raises Unreached, or what the last one said."""
        async with self._learning:
            if self._owners:
                return self._owners
            failure: Exception | None = None
            for address in self._by_promise():
                try:
                    shards = await self._node(address).execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
                except (RedisError, OSError) as error:
                    failure = error
                    continue
                if shards:
                    self._owners, self._members = dict(_owners(shards, address)), _members(shards, address)
                    return self._owners
                failure = ClusterDownError("nobody owns any slot")
            if isinstance(failure, AuthenticationError | ResponseError):
                raise failure
            raise Unreached("no node of the cluster answers") from failure

    def _by_promise(self) -> list[Address]:
        """Every node that belongs to the cluster; last the one that did not answer a moment ago."""
        known = list({*self._members, *self.seeds})
        random.shuffle(known)
        return sorted(known, key=lambda address: address == self._suspect)

    def _node(self, address: Address) -> "Redis":
        if address not in self._nodes:
            self._nodes[address] = self.open_node(address)
        return self._nodes[address]


async def _asking(node: "Redis", command: Command[T]) -> T:
    """The reply of the node that a slot is being moved to; it takes the word for it on the same connection alone."""
    pipeline: Any = node.pipeline(transaction=False)
    pipeline.execute_command("ASKING")
    command(pipeline)
    reply: T = (await pipeline.execute())[1]
    return reply


def _is_of_the_node(error: BaseException) -> bool:
    """Whether it is not the command that a node has something against; then another one may be in its place."""
    return not isinstance(error, ResponseError) or isinstance(error, ClusterDownError | ReadOnlyError)


def _any_owner(owners: dict[int, Address]) -> Address:
    return random.choice(list(owners.values()))  # noqa: S311  # nothing depends on which one it is


def _owner(owners: dict[int, Address], key: str) -> Address:
    owner = owners.get(key_slot(key.encode()))
    if owner is None:
        raise ClusterDownError("nobody owns the slot")
    return owner


def _owners(shards: Any, answered: Address) -> Iterator[tuple[int, Address]]:
    """By slot, from what a node answered to CLUSTER SLOTS: ranges, each with its primary in front of its replicas."""
    for first, last, primary, *_ in shards:
        owner = _address(primary, answered)
        yield from ((slot, owner) for slot in range(first, last + 1))


def _members(shards: Any, answered: Address) -> set[Address]:
    return {_address(node, answered) for _, _, *nodes in shards for node in nodes}


def _address(node: Any, answered: Address) -> Address:
    # A node that does not know its own name leaves it out: it is the one that was asked.
    host = (node[0] or b"").decode()
    return Address(host if host not in {"", "?"} else answered.host, int(node[1]))
