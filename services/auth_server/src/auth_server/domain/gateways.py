"""Gateways that prove who they are, and what nobody else may have in their place."""

from collections.abc import Mapping
from dataclasses import field

from auth_server.domain.gateway_uris import GatewayURIs
from authproxy_common.clients.credentials import Credentials
from authproxy_common.errors import InvalidClient, InvalidGrant, InvalidTarget
from authproxy_common.exchange import ExchangeTarget
from authproxy_common.frozen import frozen


@frozen
class Gateway:
    """One of them.

    Args:
        name: Its client_id.
        uris: That are its own.
        credentials: How it authenticates.
        exchanges: The services that it may have tokens for, by the provider whose tokens are exchanged.
    """

    name: str
    uris: GatewayURIs
    credentials: Credentials
    exchanges: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def check_exchange(self, provider: str, target: ExchangeTarget) -> None:
        """Raises InvalidTarget unless everything that `target` names as its service is allowed, and it names one."""
        services = target.services
        if not services or not self.exchanges.get(provider, frozenset()).issuperset(services):
            raise InvalidTarget("tokens of this provider are not exchanged for this service by this gateway")


@frozen
class Gateways:
    """All of them, by their names.

    Args:
        known: Those that authenticate.
        are_all: Whether there are no others, because no URI is allowed that is not one of theirs.
    """

    known: Mapping[str, Gateway]
    are_all: bool

    def check_exchange(self, caller: Gateway | None, gateway_uri: str) -> None:
        """Return when `caller`, None for one that did not authenticate, may have what was sent to `gateway_uri`.

        Raises:
            InvalidClient: It has to authenticate.
            InvalidGrant: The URI is another gateway's, or nobody's.
        """
        self.check(caller)
        owner = next((gateway for gateway in self.known.values() if gateway.uris.has(gateway_uri)), None)
        if owner is caller:
            return
        if caller is None:
            raise InvalidClient("the gateway of this gateway_uri has to authenticate")
        raise InvalidGrant("this gateway_uri is not one of the gateway that authenticated")

    def check(self, caller: Gateway | None) -> None:
        """Raises InvalidClient for a caller that did not authenticate, where every gateway has to."""
        if caller is None and self.are_all:
            raise InvalidClient("a gateway has to authenticate here")
