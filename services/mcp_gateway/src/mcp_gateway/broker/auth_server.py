"""The auth server as the ports of `flows` that it implements: for it, we are one app among others."""

import structlog

from authproxy_common.errors import OAuthError
from authproxy_common.exchange import ExchangedToken, ExchangeTarget, SignIn
from authproxy_common.frozen import frozen
from authproxy_common.gateway_sign_in import GatewaySignIn
from authproxy_common.pkce import CodeChallenge
from authproxy_common.secret import Secret

log = structlog.get_logger("broker")


@frozen
class AuthServer:
    """The auth server that signs our users in.

    Args:
        gateway: What any app needs to use it.
    """

    gateway: GatewaySignIn

    def login_url(self, state: str, code_challenge: CodeChallenge) -> str:
        return self.gateway.login_url(state, code_challenge)

    async def exchange(self, code: str, code_verifier: Secret) -> SignIn:
        return await self.gateway.exchange(code, code_verifier)

    async def refresh(self, sign_in: SignIn) -> SignIn:
        return await self.gateway.refresh(sign_in)

    async def revoke(self, sign_in: SignIn) -> None:
        try:
            await self.gateway.revoke(sign_in)
        except OAuthError as error:
            log.warning("provider_revocation_failed", description=error.description)

    async def exchange_token(self, sign_in: SignIn, target: ExchangeTarget) -> ExchangedToken:
        return await self.gateway.exchange_token(sign_in, target)

    async def validate(self, access_token: str) -> str | None:
        person = await self.gateway.validate(access_token)
        return person.subject if person else None
