"""The authorization endpoint's conversation: begin, approve or deny, complete (OAuth 2.1 §4.1)."""

from dataclasses import replace

from authproxy_common.errors import AccessDenied, InvalidRequest, OAuthError
from authproxy_common.events import Events
from authproxy_common.exchange import Person
from authproxy_common.frozen import frozen
from authproxy_common.params import MAX_STATE, Params
from authproxy_common.pkce import challenge_for, mint_verifier
from authproxy_common.records import Collection
from authproxy_common.refusals import refusal
from authproxy_common.return_address import ReturnAddress, SentBack
from authproxy_common.secret import digest, mint, trace
from mcp_gateway.domain.authorizations import (
    CONNECT_AGAIN,
    Authorization,
    AuthorizationCode,
    PendingConsent,
    PendingSignIn,
    check_browser,
)
from mcp_gateway.domain.clients import Client, UnregisteredRedirectUri
from mcp_gateway.domain.resources import MCPServers
from mcp_gateway.flows.consents import Consents
from mcp_gateway.flows.ports import Broker, ClientSource


@frozen
class ConsentAsked:
    """What the consent page shows, the key that its form sends back, and whether a person has to be asked at all."""

    consent_id: str
    client: Client
    authorization: Authorization
    is_due: bool


@frozen
class AuthorizationFlow:
    """From a client's authorization request to its code.

    Args:
        issuer: Our issuer identifier.
        servers: What tokens can be asked for.
        clients: Where they are looked up.
        broker: The auth server.
        consents: Remembered ones. Browsers are known by the values of their cookies, and to records by the digests.
        pending, sign_ins, codes: What is under way, by `consent_id`, by `state`, by code.
        events: Hears of every step.
    """

    issuer: str
    servers: MCPServers
    clients: ClientSource
    broker: Broker
    consents: Consents
    pending: Collection[PendingConsent]
    sign_ins: Collection[PendingSignIn]
    codes: Collection[AuthorizationCode]
    events: Events

    async def begin(self, params: Params, browser: str, *, is_new: bool = False) -> ConsentAsked:
        """Check the request and ask for consent; in a browser that `is_new` to us none was given yet.

        Raises:
            InvalidRequest: Unknown client or redirect URI: for the person, who must not be sent anywhere.
            TemporarilyUnavailable: What the client published could not be fetched; also for the person.
            SentBack: Everything else, for the client.
        """
        client = await self._client(params.require("client_id"))
        address = self._return_address(client, params)
        try:
            authorization = Authorization.from_params(params, client, address, self.servers)
        except OAuthError as error:
            raise SentBack(address, error) from error
        asks_for_it = "consent" in (params.get("prompt") or "").split()
        given = None if asks_for_it or is_new else await self.consents.find(digest(browser), authorization)
        pending = PendingConsent(
            authorization, digest(browser), client.needs_consent, given.consent_id if given else None
        )
        consent_id = mint("pc")
        await self.pending.put(consent_id, pending)
        step = "consent_asked" if pending.is_due else "consent_not_due"
        self.events.note(step, consent=trace(consent_id), resource=authorization.resource)
        return ConsentAsked(consent_id, client, authorization, pending.is_due)

    async def approve(self, consent_id: str, browser: str | None, approved_in: str) -> str:
        """The auth server's login URL. From here on the state is tied to the browser, by the cookie `approved_in`."""
        pending = await self._pending_consent(consent_id, browser)
        asked = pending.authorization
        # Where nobody was asked, the consent is the one that was found then: it may have been withdrawn meanwhile.
        given = await self.consents.give(pending.browser, asked) if pending.is_due else pending.given
        state, verifier = mint("st"), mint_verifier()
        await self.sign_ins.put(state, PendingSignIn(asked, digest(approved_in), verifier, given))
        self.events.note("consent_given", consent=trace(consent_id), gateway=trace(state))
        return self.broker.login_url(state, challenge_for(verifier))

    async def deny(self, consent_id: str, browser: str | None) -> SentBack:
        """The answer for the client."""
        pending = await self._pending_consent(consent_id, browser)
        self.events.note("consent_denied", consent=trace(consent_id))
        return SentBack(pending.authorization.address, AccessDenied("the request was denied"))

    async def complete(self, answer: Params, browser: str | None) -> str:
        """The client's URL with its code, for the auth server's `answer` brought by `browser`.

        Raises:
            InvalidRequest: The answer belongs to no authorization of this browser.
            SentBack: For the client: signing in failed.
        """
        state = answer.get("state") or ""
        pending = await self.sign_ins.take(state)
        if pending is None:
            self.events.alarm("state_unknown", gateway=trace(state))
            raise InvalidRequest(
                "this sign-in is unknown, was already finished, or took too long", remedy=CONNECT_AGAIN
            )
        self._check_browser(pending.browser, browser, "sign_in")
        address = pending.authorization.address
        try:
            code = await self._code(pending, answer)
        except OAuthError as error:
            raise SentBack(address, error) from error
        self.events.note("code_issued", gateway=trace(state), code_trace=trace(code))
        return address.with_code(code)

    async def _client(self, client_id: str) -> Client:
        client = await self.clients.find(client_id)
        if client is None:
            raise InvalidRequest("client_id is not known here, or its registration has expired", remedy=_REGISTER_AGAIN)
        return client

    def _return_address(self, client: Client, params: Params) -> ReturnAddress:
        try:
            return client.return_address(params.get("redirect_uri"), params.within("state", MAX_STATE), self.issuer)
        except UnregisteredRedirectUri:
            self.events.alarm("redirect_uri_mismatch", client=trace(client.client_id), client_name=client.client_name)
            raise

    def _check_browser(self, expected: str, browser: str | None, step: str) -> None:
        try:
            check_browser(expected, digest(browser) if browser else None)
        except InvalidRequest:
            self.events.alarm("browser_mismatch", step=step)
            raise

    async def _pending_consent(self, consent_id: str, browser: str | None) -> PendingConsent:
        # Read, not taken: a second click on the button, or a way back to the page, must not end in an error.
        pending = await self.pending.get(consent_id)
        if pending is None:
            raise InvalidRequest("this consent page is no longer valid", remedy=CONNECT_AGAIN)
        self._check_browser(pending.browser, browser, "consent")
        return pending

    async def _code(self, pending: PendingSignIn, answer: Params) -> str:
        if error := answer.get("error"):
            raise refusal(error, "auth server")
        sign_in = await self.broker.exchange(answer.require("code"), pending.code_verifier)
        authorization = self._allowed(pending.authorization, sign_in.person)
        code = mint("ac")
        await self.codes.put(code, AuthorizationCode(authorization, mint(), sign_in, pending.consent_id))
        return code

    def _allowed(self, authorization: Authorization, person: Person) -> Authorization:
        """What was asked for, without the scopes that this person may not be granted; raises AccessDenied.

        The provider's tokens are let go, not given back: that would end what the person has at other MCP servers.
        """
        server = self.servers.target(authorization.resource)
        try:
            return replace(authorization, scope=server.granted_to(person, authorization.scope))
        except AccessDenied:
            self.events.note(
                "person_not_allowed", resource=server.resource, person=trace(person.subject), **server.why_not(person)
            )
            raise


_REGISTER_AGAIN = "Remove this MCP server's sign-in from your MCP client and connect again, so that it registers anew."
