"""Auth0: access tokens for an API of one's own are asked for with `audience`."""

from typing import ClassVar

from auth_server.flows.ports import AuthorizationRequest
from auth_server.providers.vendor import Vendor


class Auth0Vendor(Vendor):
    """An Auth0 tenant. Its issuer ends with a slash."""

    __slots__ = ()
    assertion_names_issuer: ClassVar[bool] = True

    def parameters(self, _request: AuthorizationRequest) -> dict[str, str]:
        return {"audience": self.settings.audience} if self.settings.audience else {}
