"""Keycloak: the roles of the realm stand for groups, and are in the access token unless mapped otherwise."""

from typing import ClassVar

from auth_server.providers.token_exchange import exchange_parameters
from auth_server.providers.vendor import Vendor
from authproxy_common.errors import InvalidTarget
from authproxy_common.exchange import ExchangeTarget
from authproxy_common.secret import Secret


class KeycloakVendor(Vendor):
    """A realm."""

    __slots__ = ()
    assertion_names_issuer: ClassVar[bool] = True
    groups_claim: ClassVar[str] = "realm_access.roles"
    groups_in_access_token: ClassVar[bool] = True

    def exchange_parameters(self, subject_token: Secret, target: ExchangeTarget) -> dict[str, str]:
        """Services are known by the ids of their clients; asked for a URI, Keycloak would not narrow the token."""
        if target.resource:
            raise InvalidTarget("Keycloak knows a service by its audience, the client id, and not by a resource")
        return exchange_parameters(subject_token, target)
