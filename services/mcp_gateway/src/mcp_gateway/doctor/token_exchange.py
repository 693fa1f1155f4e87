"""Whether the auth server exchanges tokens for this gateway, for the MCP servers that are to get some."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from authproxy_common.doctor import Check, Failed
from authproxy_common.errors import ServerError, TemporarilyUnavailable
from authproxy_common.exchange import ExchangeTarget
from authproxy_common.frozen import frozen
from authproxy_common.gateway_backend import error_of
from authproxy_common.gateway_sign_in import GatewaySignIn
from authproxy_common.http.client import Answer
from mcp_gateway.settings import ServerSettings
from mcp_gateway.settings.credentials import TOKEN_EXCHANGE


@frozen
class TokenExchangeExamination:
    """One MCP server's.

    Args:
        name: The server's.
        provider: Whose tokens are exchanged.
        target: What the server is called there.
        gateway: We, as the auth server knows us.
        deadline: Of its answer.
    """

    name: str
    provider: str
    target: ExchangeTarget
    gateway: GatewaySignIn
    deadline: timedelta

    def check(self) -> Check:
        """What is examined."""
        return Check(f"token exchange for {self.name}", self.is_allowed)

    async def is_allowed(self) -> str:
        """The auth server lets us: all that it misses is the token, of which there is none here."""
        answer, error = await self._answer()
        if error == "invalid_request" and "subject_token" in answer.json().get("error_description", ""):
            return (
                f"the auth server exchanges tokens of {self.provider} for it; whether the provider does, a call shows"
            )
        entry = f"gateways.{self._own_name()}.token_exchange.{self.provider}"
        if error == "invalid_target":
            raise Failed(
                "the auth server may not exchange tokens for it",
                f"its {entry} must list {' and '.join(self.target.services)}",
            )
        if error == "invalid_request":
            raise Failed(
                f"the auth server does not know the provider {self.provider}",
                f"its providers, and its {entry}, must have it",
            )
        raise Failed(
            f"the auth server exchanges no tokens (status {answer.status})",
            "it must be of the same release as this gateway, and have enabled and proxy_oauth.enabled",
        )

    async def _answer(self) -> tuple[Answer, str | None]:
        try:
            form = {"provider": self.provider, **self.target.form()}
            answer = await self.gateway.backend.post("token-exchange", form, deadline=self.deadline)
        except ServerError as error:
            raise Failed(
                "the auth server does not know this gateway by its credentials",
                f"its gateways.{self._own_name()} must have the secret that external_auth_gateway_secret is here",
            ) from error
        except TemporarilyUnavailable as error:
            raise Failed(error.description, "see whether the auth server backend passes") from error
        return answer, error_of(answer)

    def _own_name(self) -> str:
        return self.gateway.credentials.name if self.gateway.credentials else "NAME"


def exchange_checks(
    servers: Mapping[str, ServerSettings], default_provider: str, gateway: GatewaySignIn, deadline: timedelta
) -> Iterator[Check]:
    """One for each of `servers` that is to get exchanged tokens."""
    for name, server in servers.items():
        if server.credentials == TOKEN_EXCHANGE:
            asked = server.token_exchange
            provider = asked.provider or default_provider
            yield TokenExchangeExamination(name, provider, asked.target, gateway, deadline).check()
