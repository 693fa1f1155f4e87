"""Clients: who asks, and where answers to them may go."""

from dataclasses import dataclass

from authproxy_common.errors import InvalidRequest
from authproxy_common.return_address import ReturnAddress
from mcp_gateway.domain import redirect_uris

GRANT_TYPES = ("authorization_code", "refresh_token")


@dataclass(frozen=True, slots=True)
class Client:
    """A public client, as it registered.

    Args:
        client_id: As it presents it.
        client_name: What it calls itself; unverified.
        redirect_uris: At least one.
        grant_types: That it may use.
    """

    client_id: str
    client_name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...] = GRANT_TYPES

    def return_address(self, redirect_uri: str | None, state: str | None, issuer: str) -> ReturnAddress:
        """The permission to redirect; raises InvalidRequest when this client did not register `redirect_uri`.

        A client with a single redirect URI may leave it out (OAuth 2.1 §4.1.1), unless it is a loopback one, whose
        port we could not know.
        """
        if redirect_uri is None:
            if len(self.redirect_uris) > 1 or redirect_uris.is_loopback(self.redirect_uris[0]):
                raise InvalidRequest("the parameter redirect_uri is missing")
            return ReturnAddress(self.redirect_uris[0], state, issuer)
        if not any(redirect_uris.matches(registered, redirect_uri) for registered in self.redirect_uris):
            raise InvalidRequest("redirect_uri is not one that this client registered")
        return ReturnAddress(redirect_uri, state, issuer)

    @property
    def is_loopback_only(self) -> bool:
        """Whether any program on the person's computer could receive this client's codes."""
        return all(redirect_uris.is_loopback(uri) for uri in self.redirect_uris)


@dataclass(frozen=True, slots=True)
class Registration:
    """What a client registered, checked (RFC 7591 §2)."""

    client_name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
