"""Registered clients: the registration is sealed into the client_id, so there is nothing to store, lose or flood."""

import base64
import binascii
from datetime import datetime, timedelta

import msgspec

from authproxy_common.clients.credentials import ClientRefused
from authproxy_common.clock import Clock
from authproxy_common.frozen import frozen
from authproxy_common.records import SealingKeys, Unsealable
from mcp_gateway.domain.client_policy import ClientPolicy
from mcp_gateway.domain.clients import Client, Registration

_PREFIX = "reg_"
_PURPOSE = "mcp-gateway:registration:1"


@frozen
class _Sealed:
    registration: Registration
    issued_at: datetime


@frozen
class RegisteredClients:
    """`flows.ports.ClientSource` and `flows.ports.Registrar` for clients that registered themselves.

    Args:
        keys: Seal the client_id.
        lifetime: How long a registration is good for.
        policy: Also asked about registrations made before it was what it is.
        now: The clock.
    """

    keys: SealingKeys
    lifetime: timedelta
    policy: ClientPolicy
    now: Clock

    def register(self, registration: Registration) -> tuple[str, datetime]:
        """The new client_id, and when it was issued."""
        issued_at = self.now()
        sealed = self.keys.seal(msgspec.json.encode(_Sealed(registration, issued_at)), _PURPOSE)
        return _spelt(sealed), issued_at

    async def find(self, client_id: str) -> Client | None:
        """The client, at every replica and after every restart, until its registration expires.

        Raises ClientRefused when the operator keeps it out by now.
        """
        if not client_id.startswith(_PREFIX):
            return None
        encoded = client_id.removeprefix(_PREFIX)
        try:
            sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
            if client_id != _spelt(sealed):
                return None
            content = msgspec.json.decode(self.keys.open(sealed, _PURPOSE), type=_Sealed)
        except (binascii.Error, ValueError, Unsealable, msgspec.MsgspecError):
            return None
        if self.now() >= content.issued_at + self.lifetime:
            return None
        known = content.registration
        if not self.policy.allows_redirect_uris(known.redirect_uris):
            raise ClientRefused("this client's codes would go where this gateway no longer sends any")
        return Client(client_id, known.client_name, known.redirect_uris, known.grant_types)


def _spelt(sealed: bytes) -> str:
    """The one spelling of a client_id: base64 has several for the same bytes, and clients are compared by theirs."""
    return _PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
