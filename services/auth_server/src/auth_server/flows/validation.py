"""A gateway's backend asks whether a provider's access token is good, and whose it is (OIDC Core §5.3)."""

from collections.abc import Mapping
from typing import Any

from auth_server.flows.failures import noted
from auth_server.flows.ports import IdentityProvider
from auth_server.flows.provider_choice import chosen
from authproxy_common.errors import InvalidToken
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.recent_answers import RecentAnswers
from authproxy_common.secret import Secret, digest


@frozen
class ValidationFlow:
    """Only the provider says no: when it cannot be asked the answer is 503, never `invalid_token`.

    Args:
        providers: By their names.
        recent: What they said in the last seconds, so that a gateway may ask at every call.
        events: Hears what they say.
    """

    providers: Mapping[str, IdentityProvider]
    recent: RecentAnswers[dict[str, Any] | None]
    events: Events

    async def validate(self, params: Params, access_token: Secret) -> dict[str, Any]:
        """The body of the answer: that the token is good, at which provider, and whose it is.

        Raises:
            InvalidRequest: The provider is not configured, or was left out though there are several.
            InvalidToken: The provider does not accept the token.
            TemporarilyUnavailable: The provider could not be asked; try again.
            ServerError: It has no userinfo endpoint, or answers what it must not.
        """
        name, provider = chosen(self.providers, params.get("provider"))
        # No provider's name has a space in it, so no two pairs are the same text.
        key = digest(f"{name} {access_token.reveal()}")
        user = await self.recent.find(key, lambda: self._ask(name, provider, access_token))
        if user is None:
            raise InvalidToken("the identity provider does not accept the access token")
        return {"active": True, "provider": name, "user": user}

    async def user_info(self, params: Params, access_token: Secret) -> dict[str, Any]:
        """The claims alone; raises what `validate` does."""
        body = await self.validate(params, access_token)
        user: dict[str, Any] = body["user"]
        return user

    async def _ask(self, name: str, provider: IdentityProvider, access_token: Secret) -> dict[str, Any] | None:
        with noted(self.events, "provider_validation_failed", name):
            user = await provider.user_info(access_token)
        self.events.note("provider_token_refused" if user is None else "provider_token_accepted", provider=name)
        return user
