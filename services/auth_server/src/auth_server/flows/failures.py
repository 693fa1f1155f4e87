"""What went wrong with a provider, said where an operator reads it: which provider, and which check."""

from collections.abc import Iterator
from contextlib import contextmanager

from authproxy_common.errors import AccessDenied, InvalidGrant, OAuthError
from authproxy_common.events import Events


@contextmanager
def noted(events: Events, event: str, provider: str, **fields: str) -> Iterator[None]:
    """Say that a step failed at `provider`, and why, before its caller hears of it.

    A person who says no, and a grant that is over, are of the ordinary course; everything else is an alarm.
    """
    try:
        yield
    except OAuthError as error:
        say = events.note if isinstance(error, AccessDenied | InvalidGrant) else events.alarm
        cause = type(error.__cause__).__name__ if error.__cause__ else None
        say(event, provider=provider, error=error.code, check=error.description, cause=cause, **fields)
        raise
