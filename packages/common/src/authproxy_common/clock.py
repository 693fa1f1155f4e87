"""Time as a dependency: whoever needs to know the time is handed a `Clock`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]


def utc_now() -> datetime:
    """The current time, with its zone."""
    return datetime.now(UTC)
