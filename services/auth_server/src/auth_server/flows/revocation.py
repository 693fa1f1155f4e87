"""A gateway's backend gives the provider's tokens back."""

from collections.abc import Mapping

from auth_server.flows.ports import IdentityProvider
from authproxy_common.errors import OAuthError
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.secret import Secret


@frozen
class RevocationFlow:
    """The gateway is done with the token, whatever the provider says to it."""

    providers: Mapping[str, IdentityProvider]
    events: Events

    async def revoke(self, params: Params) -> None:
        """Revoke the token at its provider; a provider that cannot, or that is unknown, changes nothing.

        Raises InvalidRequest when a parameter is missing.
        """
        token, name = Secret(params.require("token")), params.require("provider")
        provider = self.providers.get(name)
        if provider is None:
            return
        try:
            revoked = await provider.revoke(token)
        except OAuthError as error:
            self.events.alarm("provider_revocation_failed", provider=name, error=error.code)
        else:
            self.events.note("provider_token_revoked" if revoked else "provider_token_not_revoked", provider=name)
