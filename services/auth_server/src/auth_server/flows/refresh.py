"""A gateway's backend renews the provider's tokens."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from auth_server.flows.failures import noted
from auth_server.flows.ports import IdentityProvider
from auth_server.flows.provider_choice import chosen
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.events import Events
from authproxy_common.exchange import SignIn
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.records import Collection
from authproxy_common.secret import Secret


@frozen
class RefreshFlow:
    """Only the provider says no: when it cannot be asked the answer is 503, never `invalid_grant`.

    Args:
        providers: By their names.
        renewed: What a provider that rotates answered a moment ago, by the refresh token that this used up. A gateway
            that did not live to hear it asks again, and the provider would take that for theft.
        events: Hears of every refresh.
    """

    providers: Mapping[str, IdentityProvider]
    renewed: Collection[SignIn]
    events: Events

    async def refresh(self, params: Params) -> dict[str, Any]:
        """The body of the answer, shaped like that of the exchange.

        Raises:
            InvalidRequest: A parameter is missing, or the provider is not configured.
            InvalidGrant: The provider does not accept the refresh token; sign in again.
            TemporarilyUnavailable: The store or the provider could not be asked; try again.
        """
        refresh_token = Secret(params.require("refresh_token"))
        name, provider = chosen(self.providers, params.require("provider"))
        key = f"{name} {refresh_token.reveal()}"
        renewed = await self.renewed.get(key)
        if renewed is None:
            with noted(self.events, "provider_refresh_failed", name):
                renewed = await provider.refresh(refresh_token)
            if renewed.refresh_token != refresh_token:
                # The answer is worth more than that it could be given twice.
                with suppress(TemporarilyUnavailable):
                    await self.renewed.put(key, renewed)
            self.events.note("provider_tokens_refreshed", provider=name)
        else:
            self.events.note("provider_refresh_repeated", provider=name)
        return renewed.to_json()
