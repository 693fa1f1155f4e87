"""A gateway's backend gets a token for another service in place of the provider's own (RFC 8693)."""

from collections.abc import Mapping
from typing import Any

from auth_server.domain.gateways import Gateway
from auth_server.flows.failures import noted
from auth_server.flows.ports import IdentityProvider
from auth_server.flows.provider_choice import chosen
from authproxy_common.errors import InvalidClient, InvalidRequest, InvalidTarget
from authproxy_common.events import Events
from authproxy_common.exchange import ACCESS_TOKEN_TYPE, ExchangeTarget
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.secret import Secret


@frozen
class TokenExchangeFlow:
    """The provider exchanges for us, as the client that it knows; we do so for gateways that we know, and no further.

    Args:
        providers: By their names.
        events: Hears of every exchange.
    """

    providers: Mapping[str, IdentityProvider]
    events: Events

    async def exchange(self, params: Params, caller: Gateway | None) -> dict[str, Any]:
        """The body of the answer (§2.2.1), for `caller`, None if it did not authenticate.

        Raises:
            InvalidClient: It has to.
            InvalidTarget: It may not have tokens for this service, or the provider does not know it.
            InvalidRequest: A parameter is missing, or the provider is not configured.
            InvalidGrant: The provider does not accept `subject_token`; renew it, or sign in again.
            AccessDenied: It gives this person none.
            TemporarilyUnavailable, ServerError: It could not be asked, or answers what it must not.
        """
        if caller is None:
            raise InvalidClient("a gateway has to authenticate where tokens are exchanged")
        name, provider = chosen(self.providers, params.get("provider"))
        target = ExchangeTarget(params.get("audience"), params.get("resource"), params.get("scope"))
        self._check_allowed(caller, name, target)
        subject_token = _subject_token(params)
        with noted(self.events, "token_exchange_failed", name, gateway=caller.name):
            exchanged = await provider.exchange(subject_token, target)
        self.events.note("token_exchanged", provider=name, gateway=caller.name)
        return exchanged.to_json()

    def _check_allowed(self, caller: Gateway, provider: str, target: ExchangeTarget) -> None:
        try:
            caller.check_exchange(provider, target)
        except InvalidTarget:
            self.events.alarm("token_exchange_not_allowed", provider=provider, gateway=caller.name)
            raise


def _subject_token(params: Params) -> Secret:
    token = Secret(params.require("subject_token"))
    if params.get("subject_token_type") not in {None, ACCESS_TOKEN_TYPE}:
        raise InvalidRequest("subject_token_type must be that of an access token")
    return token
