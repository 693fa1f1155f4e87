"""What an upstream gets to know of the caller: headers of our own, behind those of the client that pass."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret
from mcp_gateway.proxy.callers import Caller

T = TypeVar("T")


class UpstreamCredentials(Protocol):
    """One way of telling. Both methods are asked for every call, and answer from memory as a rule."""

    async def headers(self, caller: Caller | None) -> Mapping[str, str]:
        """The headers, by their names in lower case; None for a caller stands for whoever reached an open door.

        Raises:
            Challenge: The caller has to sign in again.
            AccessDenied: There are none for this caller, and signing in again brings none.
            TemporarilyUnavailable, ServerError: They could not be had.
        """
        ...

    def remembered(self, caller: Caller) -> Mapping[str, str] | None:
        """The same as `headers`, where nobody has to be asked; otherwise None. One object for as long as it is good."""
        ...

    async def others(self, caller: Caller | None, refused: Mapping[str, str]) -> Mapping[str, str] | None:
        """Other headers, when the upstream answered 401 to those; None where there are none. Raises what they do."""
        ...


_NOTHING: Mapping[str, str] = MappingProxyType({})


@frozen
class NoCredentials:
    """Tells nothing."""

    async def headers(self, caller: Caller | None) -> Mapping[str, str]:  # noqa: ARG002  # whoever it is
        return _NOTHING

    def remembered(self, caller: Caller) -> Mapping[str, str]:  # noqa: ARG002  # whoever it is
        return _NOTHING

    async def others(self, caller: Caller | None, refused: Mapping[str, str]) -> None:
        """Nothing else either."""


class StaticHeaders:
    """Tells who we are, and nothing of the caller.

    Args:
        configured: Names with values.
    """

    def __init__(self, configured: Mapping[str, Secret]) -> None:
        self._headers = {name.lower(): value.reveal() for name, value in configured.items()}

    async def headers(self, caller: Caller | None) -> Mapping[str, str]:  # noqa: ARG002  # whoever it is
        return self._headers

    def remembered(self, caller: Caller) -> Mapping[str, str]:  # noqa: ARG002  # whoever it is
        return self._headers

    async def others(self, caller: Caller | None, refused: Mapping[str, str]) -> None:
        """There is one set."""


@frozen
class BesideCallers(Generic[T]):
    """What was made for callers, kept as long as they are remembered themselves and it is good.

    Admission forgets a caller whose token ends, and all of them when any grant has ended. A token is for one MCP
    server, so that what is kept for a caller is of that server.
    """

    _kept: WeakKeyDictionary[Caller, tuple[T, datetime]] = field(default_factory=WeakKeyDictionary)

    def find(self, caller: Caller, now: datetime) -> T | None:
        """What is kept, and good at `now`."""
        kept = self._kept.get(caller)
        return kept[0] if kept and now < kept[1] else None

    def keep(self, caller: Caller, made: T, good_until: datetime) -> T:
        """`made`, which is kept."""
        self._kept[caller] = (made, good_until)
        return made
