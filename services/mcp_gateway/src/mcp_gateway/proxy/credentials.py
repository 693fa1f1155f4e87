"""What an upstream gets to know of the caller: headers of our own, behind those of the client that pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from mcp_gateway.proxy.callers import Caller


class UpstreamCredentials(Protocol):
    """One way of telling."""

    async def headers(self, caller: Caller | None) -> Mapping[str, str]:
        """The headers, by their names in lower case; None for a caller stands for whoever reached an open door."""
        ...


@dataclass(frozen=True, slots=True)
class NoCredentials:
    """Tells nothing."""

    async def headers(self, caller: Caller | None) -> Mapping[str, str]:  # noqa: ARG002  # whoever it is
        return {}


@dataclass(frozen=True, slots=True)
class Identity:
    """Tells who calls."""

    async def headers(self, caller: Caller | None) -> Mapping[str, str]:
        return {"x-forwarded-user": caller.token.subject} if caller else {}
