"""A gateway's backend renews the provider's tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth_server.flows.ports import IdentityProvider
from auth_server.flows.provider_choice import chosen
from authproxy_common.events import Events
from authproxy_common.params import Params
from authproxy_common.secret import Secret


@dataclass(frozen=True, slots=True)
class RefreshFlow:
    """Only the provider says no: when it cannot be asked the answer is 503, never `invalid_grant`."""

    providers: Mapping[str, IdentityProvider]
    events: Events

    async def refresh(self, params: Params) -> dict[str, Any]:
        """The body of the answer, shaped like that of the exchange.

        Raises:
            InvalidRequest: A parameter is missing, or the provider is not configured.
            InvalidGrant: The provider does not accept the refresh token; sign in again.
            TemporarilyUnavailable: The provider could not be asked; try again.
        """
        refresh_token = Secret(params.require("refresh_token"))
        name, provider = chosen(self.providers, params.require("provider"))
        renewed = await provider.refresh(refresh_token)
        self.events.note("provider_tokens_refreshed", provider=name)
        return renewed.to_json()
