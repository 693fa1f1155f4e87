"""Time that moves when a test says so."""

from datetime import UTC, datetime, timedelta


class MovableClock:
    """An `authproxy_common.clock.Clock`."""

    def __init__(self, at: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        """Let `by` pass."""
        self.at += by
