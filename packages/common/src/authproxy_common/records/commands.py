"""Commands to the store's servers: each within one deadline, and sent again where that can do no harm."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol, TypeAlias, TypeVar

from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.frozen import frozen

T = TypeVar("T")

Command: TypeAlias = Callable[[Any], Awaitable[T]]
"""Given a client of one server, the reply to a single command on a single key."""

# One bound over a command with all that is done for it: repetitions alone can add up to many times a socket's timeout.
DEADLINE = timedelta(seconds=4)

_BACKOFF = ExponentialWithJitterBackoff(base=0.05, cap=1.0)


class Unreached(RedisConnectionError):
    """No connection could be made, so that nothing was sent."""


class Connections(Protocol):
    """The ways to the servers.

    `shares_keys_out`: whether not every key is at the same one, so that a command can name one key alone.
    """

    @property
    def shares_keys_out(self) -> bool: ...

    async def run(self, command: Command[T], key: str | None = None) -> T:
        """The reply of the server that keeps `key`, or of any, to `command`, which is sent once.

        Where a server says that another one keeps the key it has not run the command, and that other one is asked.
        """
        ...

    async def aclose(self) -> None:
        """Close them."""
        ...


@frozen
class Commands:
    """Sends commands. Every method raises TemporarilyUnavailable (dependency `redis`) when no answer comes in time.

    Args:
        connections: Where to.
        deadline: Over a command with its repetitions.
        repetitions: At most; the deadline ends them too.
    """

    connections: Connections
    deadline: timedelta = DEADLINE
    repetitions: int = 20

    async def repeatable(self, command: Command[T], key: str | None = None, deadline: timedelta | None = None) -> T:
        """The reply to a command that may run twice: sent again where it did not run, or the reply was lost."""
        return await self._reply(command, key, deadline or self.deadline, _may_run_again)

    async def once(self, command: Command[T], key: str) -> T:
        """The reply to a command that must not run twice: sent again only where it is known that it did not run."""
        return await self._reply(command, key, self.deadline, _did_not_run)

    async def _reply(
        self, command: Command[T], key: str | None, deadline: timedelta, may_repeat: Callable[[BaseException], bool]
    ) -> T:
        failure: BaseException | None = None
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                for attempt in range(1, self.repetitions + 1):
                    try:
                        return await self.connections.run(command, key)
                    except (RedisError, OSError) as error:
                        if not may_repeat(error):
                            raise
                        failure = error
                    await asyncio.sleep(_BACKOFF.compute(attempt))
                return await self.connections.run(command, key)
        except (RedisError, OSError, TimeoutError) as error:
            # That the time was up says less than what it was spent on.
            cause = failure if failure and isinstance(error, TimeoutError) else error
            raise TemporarilyUnavailable("the session store did not answer", dependency="redis") from cause


def _did_not_run(error: BaseException) -> bool:
    """Whether the server was not reached, or said that it is not in a position to run commands: a failover, a start."""
    refusals = (Unreached, BusyLoadingError, ClusterDownError, ReadOnlyError, TryAgainError)
    # Of what a demoted primary says, the library makes a connection that broke.
    return isinstance(error, refusals) or isinstance(error.__context__, ReadOnlyError)


def _may_run_again(error: BaseException) -> bool:
    lost = isinstance(error, RedisConnectionError | RedisTimeoutError)
    return _did_not_run(error) or (lost and not isinstance(error, AuthenticationError | AuthorizationError))
