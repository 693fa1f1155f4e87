"""`grant_type=authorization_code` (OAuth 2.1 §4.1.3)."""

from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidGrant
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.records import Collection
from authproxy_common.secret import Secret, mint, trace
from mcp_gateway.domain.authorizations import AuthorizationCode, CodeUse
from mcp_gateway.domain.clients import Client
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.tokens import TokenResponse
from mcp_gateway.flows.grants import Grants
from mcp_gateway.flows.ports import AccessTokenIssuer


@frozen
class AuthorizationCodeGrant:
    """Opens a grant for a code, once.

    Args:
        codes: What was issued.
        uses: Which codes were used; the claim on one is the gate that a single caller passes.
        grants: Where the new grant goes.
        access_tokens: Makes its first access token.
        now: The clock.
        events: Hears of every grant.
    """

    codes: Collection[AuthorizationCode]
    uses: Collection[CodeUse]
    grants: Grants
    access_tokens: AccessTokenIssuer
    now: Clock
    events: Events

    async def redeem(self, client: Client, params: Params) -> TokenResponse:
        """Tokens for the code.

        Raises:
            InvalidRequest: `code` is missing.
            InvalidGrant: The code is unknown, expired, used before, or not this client's; a second use also ends what
                the first one got.
            InvalidTarget: `resource` is another than the code's.
        """
        value = params.require("code")
        code = await self.codes.get(value)
        if code is None:
            raise InvalidGrant("the code is unknown or has expired")
        if await self.uses.claim(value, CodeUse(code.grant_id)) is not None:
            self.events.alarm("code_replayed", code_trace=trace(value), grant=trace(code.grant_id))
            await self.grants.end(code.grant_id, "an authorization code was used twice")
            raise InvalidGrant("the code was used before")
        self._check(code, client, params)
        grant = self._grant(code)
        await self.grants.open(grant)
        self.events.note("tokens_issued", code_trace=trace(value), grant=trace(grant.grant_id))
        return await self._response(client, grant)

    def _check(self, code: AuthorizationCode, client: Client, params: Params) -> None:
        try:
            code.check(client.client_id, params)
        except InvalidGrant as error:
            self.events.alarm("code_misused", grant=trace(code.grant_id), reason=error.description)
            raise

    def _grant(self, code: AuthorizationCode) -> Grant:
        asked, sign_in, now = code.authorization, code.sign_in, self.now()
        return Grant(
            grant_id=code.grant_id,
            client_id=asked.client_id,
            subject=sign_in.person.subject,
            resource=asked.resource,
            scope=asked.scope,
            secret=Secret(mint()),
            opened_at=now,
            sign_in=sign_in,
            checked_at=now,
            consent_id=code.consent_id,
        )

    async def _response(self, client: Client, grant: Grant) -> TokenResponse:
        access_token, expires_in = await self.access_tokens.issue(grant)
        refresh_token = Secret(grant.refresh_token(0)) if "refresh_token" in client.grant_types else None
        return TokenResponse(access_token, expires_in, grant.scope, refresh_token)
