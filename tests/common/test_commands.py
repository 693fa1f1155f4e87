"""What is sent again, and what is not: by what the servers said, and by whether a command may run twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import anyio
import pytest
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    InvalidResponse,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.records.commands import Commands, Unreached

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-05")]


def demoted() -> Exception:
    """What the library makes, behind Sentinels, of a primary that has become a replica."""
    error = RedisConnectionError("The previous master is now a slave")
    error.__context__ = ReadOnlyError("You can't write against a read only replica.")
    return error


DID_NOT_RUN = [
    pytest.param(Unreached("no connection"), id="no connection"),
    pytest.param(BusyLoadingError("Redis is loading the dataset in memory"), id="LOADING"),
    pytest.param(ReadOnlyError("You can't write against a read only replica."), id="READONLY"),
    pytest.param(demoted(), id="READONLY behind Sentinels"),
    pytest.param(ClusterDownError("The cluster is down"), id="CLUSTERDOWN"),
    pytest.param(MasterDownError("Link with MASTER is down"), id="MASTERDOWN"),
    pytest.param(TryAgainError("Multiple keys request during rehashing of slot"), id="TRYAGAIN"),
]
REPLY_LOST = [
    pytest.param(RedisConnectionError("Connection closed by server."), id="connection lost"),
    pytest.param(RedisTimeoutError("Timeout reading from one.test:6379"), id="no reply in time"),
]
FINAL = [
    pytest.param(AuthenticationError("invalid username-password pair"), id="WRONGPASS"),
    pytest.param(AuthorizationError("no"), id="not authorized"),
    pytest.param(NoPermissionError("this user has no permissions to run the 'get' command"), id="NOPERM"),
    pytest.param(OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), id="OOM"),
    pytest.param(ResponseError("WRONGTYPE Operation against a key"), id="WRONGTYPE"),
    pytest.param(InvalidResponse("Protocol Error"), id="no Redis"),
]


@dataclass
class FailingAtFirst:
    """`Connections` to a server that fails as it is told, and then replies."""

    failures: list[Exception]
    sent: int = 0
    shares_keys_out: bool = False
    _left: Iterator[Exception] = field(init=False)

    def __post_init__(self) -> None:
        self._left = iter(self.failures)

    async def run(self, command: Any, key: str | None = None) -> Any:
        self.sent += 1
        if failure := next(self._left, None):
            raise failure
        return await command("a client")

    async def aclose(self) -> None:
        """Nothing is open."""


async def reply(client: str) -> str:
    return f"reply to {client}"


@pytest.mark.parametrize("failure", [*DID_NOT_RUN, *REPLY_LOST])
async def test_a_command_that_may_run_twice_is_sent_again(failure: Exception) -> None:
    connections = FailingAtFirst([failure, failure])
    assert await Commands(connections).repeatable(reply, "key") == "reply to a client"
    assert connections.sent == 3


@pytest.mark.parametrize("failure", DID_NOT_RUN)
async def test_a_command_that_must_not_run_twice_is_sent_again_where_it_did_not_run(failure: Exception) -> None:
    connections = FailingAtFirst([failure, failure])
    assert await Commands(connections).once(reply, "key") == "reply to a client"
    assert connections.sent == 3


@pytest.mark.parametrize("failure", REPLY_LOST)
async def test_a_command_that_must_not_run_twice_is_not_sent_again_where_it_may_have_run(failure: Exception) -> None:
    connections = FailingAtFirst([failure])
    with pytest.raises(TemporarilyUnavailable) as caught:
        await Commands(connections).once(reply, "key")
    assert (connections.sent, caught.value.dependency, caught.value.__cause__) == (1, "redis", failure)


@pytest.mark.parametrize("failure", FINAL)
@pytest.mark.parametrize("way", ["repeatable", "once"])
async def test_what_would_fail_again_is_not_sent_again(way: str, failure: Exception) -> None:
    connections = FailingAtFirst([failure])
    with pytest.raises(TemporarilyUnavailable) as caught:
        await getattr(Commands(connections), way)(reply, "key")
    assert (connections.sent, caught.value.__cause__) == (1, failure)


@pytest.mark.parametrize("way", ["repeatable", "once"])
async def test_repetitions_end_with_the_deadline_and_the_reason_is_what_they_met(way: str) -> None:
    failure = Unreached("no connection")
    commands = Commands(FailingAtFirst([failure] * 1000), timedelta(milliseconds=200))
    with anyio.fail_after(2), pytest.raises(TemporarilyUnavailable) as caught:
        await getattr(commands, way)(reply, "key")
    assert caught.value.__cause__ is failure


async def test_repetitions_end_by_their_number_too() -> None:
    connections = FailingAtFirst([Unreached("no connection")] * 1000)
    with pytest.raises(TemporarilyUnavailable):
        await Commands(connections, repetitions=2).repeatable(reply)
    assert connections.sent == 3


async def test_a_reply_that_does_not_come_is_waited_for_until_the_deadline() -> None:
    async def silence(_client: str) -> str:
        await anyio.sleep_forever()
        raise AssertionError("unreachable")

    with anyio.fail_after(2), pytest.raises(TemporarilyUnavailable) as caught:
        await Commands(FailingAtFirst([]), timedelta(milliseconds=100)).once(silence, "key")
    assert isinstance(caught.value.__cause__, TimeoutError)
