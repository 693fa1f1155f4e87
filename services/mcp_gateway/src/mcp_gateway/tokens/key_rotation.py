"""How a signing ring is rotated, text to text: a new key in front, and those gone whose last token has ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret
from mcp_gateway.tokens.signing_keys import (
    SigningKey,
    SigningKeys,
    generate_signing_key,
    in_utc,
    read_ring,
    written_key,
)


class RotationRefused(Exception):
    """The ring stays as it is. The message says why, and holds nothing of the keys."""


@frozen
class Rotation:
    """A rotated ring.

    Args:
        text: The whole of it, as it is to be written down.
        ring: Its keys.
        dropped: The keys that are no longer among them.
    """

    text: Secret
    ring: SigningKeys
    dropped: Sequence[SigningKey] = ()


def first_ring() -> Rotation:
    """A ring of one key, which signs at once: nobody has a token yet that others would have to know."""
    text = generate_signing_key()
    return Rotation(text, SigningKeys.from_pem(text))


def rotated(text: Secret, now: datetime, signs_in: timedelta, keep: timedelta) -> Rotation:
    """A ring with a new key in front.

    What an operator wrote between the keys stays where it is.

    Args:
        text: The ring so far.
        now: The time.
        signs_in: How long the new key waits, so that every replica knows it before one signs with it.
        keep: How long a key still verifies that signs no more; longer than any access token lives.

    Raises:
        RotationRefused: The text is no ring, or its newest key has not begun to sign.
    """
    try:
        ring = read_ring(text)
    except ValueError as error:
        raise RotationRefused(str(error)) from error
    _check_nobody_waits(ring, now)
    signs_from = now + signs_in
    beginnings = [signs_from, *(each.signs_from for each in ring)]
    # Behind a key that has been signing for so long, none has a token left. When one without a time began nobody knows.
    kept = next((place for place, at in enumerate(beginnings) if at and at <= now - keep), len(ring))
    pieces = [each.written.reveal() for each in ring]
    behind = text.reveal()[sum(map(len, pieces)) :]
    fresh = written_key(generate_signing_key(), signs_from).reveal()
    rotated_text = Secret("".join([fresh, *pieces[:kept], behind]))
    return Rotation(rotated_text, SigningKeys.from_pem(rotated_text), ring[kept:])


def _check_nobody_waits(ring: Sequence[SigningKey], now: datetime) -> None:
    """A second key in waiting would be unknown to the replicas that are being restarted for the first."""
    waiting = [each.signs_from for each in ring if each.signs_from and not each.has_begun(now)]
    if waiting:
        raise RotationRefused(f"has a key that is still waiting to sign; rotate again after {in_utc(max(waiting))}")
