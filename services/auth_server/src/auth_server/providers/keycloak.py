"""Keycloak: the roles of the realm stand for groups, and are in the access token unless mapped otherwise."""

from typing import ClassVar

from auth_server.providers.vendor import Vendor


class KeycloakVendor(Vendor):
    """A realm."""

    __slots__ = ()
    assertion_names_issuer: ClassVar[bool] = True
    groups_claim: ClassVar[str] = "realm_access.roles"
    groups_in_access_token: ClassVar[bool] = True
