"""The port to shared state: four verbs, each a single command on a single key, so that any Redis will do.

Reading is one for several keys too, where one server has them all.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol


class Store(Protocol):
    """Expiring values.

    Every method raises TemporarilyUnavailable (dependency `redis`) when the store does not answer in time.
    """

    async def put(self, key: str, value: bytes, ttl: timedelta) -> None:
        """Write `value`, to live for `ttl`."""
        ...

    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none any more."""
        ...

    async def get_all(self, keys: Sequence[str]) -> list[bytes | None]:
        """`get` of each key, not all at one moment: with one command where one server keeps them all."""
        ...

    async def take(self, key: str) -> bytes | None:
        """The value, handed out at most once, ever.

        When the store's reply is lost the value is lost with it: the caller gets TemporarilyUnavailable, never a
        None that would look like a second use.
        """
        ...

    async def claim(self, key: str, value: bytes, ttl: timedelta) -> bytes | None:
        """None for the first caller, whose `value` then stays for `ttl`; for every other the value that stays.

        `value` must be unique to the call, so that a command that was sent again after a lost reply is known to be
        the first one.
        """
        ...

    async def ping(self) -> None:
        """Return when the store answers."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
