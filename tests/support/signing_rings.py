"""Signing rings as operators have them: as text."""

from datetime import datetime

from authproxy_common.secret import Secret
from mcp_gateway.tokens.signing_keys import generate_signing_key, read_ring, written_key


def ring_of(*beginnings: datetime | None) -> Secret:
    """A ring of new keys, newest first, each with the time from which on it signs."""
    keys = (written_key(generate_signing_key(), at) if at else generate_signing_key() for at in beginnings)
    return Secret("".join(key.reveal() for key in keys))


def kids(text: Secret) -> list[str]:
    """The names of its keys."""
    return [key.kid for key in read_ring(text)]
