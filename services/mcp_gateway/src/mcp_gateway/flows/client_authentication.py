"""Which client is at the token endpoint, and whether it is (OAuth 2.1 §2.4, RFC 7523 §3)."""

from dataclasses import dataclass
from datetime import timedelta

from authproxy_common.clock import Clock
from authproxy_common.errors import OAuthError
from authproxy_common.events import Events
from authproxy_common.params import Params
from authproxy_common.records import Collection
from authproxy_common.secret import Secret, digest, trace
from mcp_gateway.domain.clients import NONE, PRIVATE_KEY_JWT, Client, ClientRefused
from mcp_gateway.domain.presented_credentials import AuthenticationFailed, PresentedCredentials, UsedAssertion
from mcp_gateway.domain.tokens import ClientAssertion, InvalidClientAssertion, UnknownKey
from mcp_gateway.flows.ports import ClientAssertionVerifier, ClientKeys, ClientSource

# What the verifier's own leeway allows an assertion to outlive itself by, and more.
_REMEMBERED_LONGER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Authenticates clients the way each is registered to.

    Args:
        clients: Where they are looked up.
        keys: Public keys, for `private_key_jwt`.
        assertions: Verifies what was signed with them.
        used_assertions: Which were used: each is good once, at one replica.
        now: The clock.
        events: Hears of what is not as it should be.
    """

    clients: ClientSource
    keys: ClientKeys
    assertions: ClientAssertionVerifier
    used_assertions: Collection[UsedAssertion]
    now: Clock
    events: Events

    async def authenticate(self, params: Params, authorization: str | None) -> Client:
        """The client whose request this is.

        Raises:
            InvalidRequest: It authenticates in several ways at once.
            InvalidClient: It is unknown, or did not authenticate as it is registered; the answer does not tell which.
            TemporarilyUnavailable: What it published could not be fetched.
        """
        presented = PresentedCredentials.from_request(params, authorization)
        client = await self._find(presented)
        if presented.method != client.credentials.method:
            raise self._failure(client, f"authenticates by {presented.method}")
        if presented.method == PRIVATE_KEY_JWT:
            await self._check_assertion(client, presented.proof.reveal())
        elif presented.method != NONE and not _is_secret_of(client, presented):
            raise self._failure(client, "sent a wrong secret")
        return client

    async def _find(self, presented: PresentedCredentials) -> Client:
        client_id = presented.client_id or self.assertions.unverified_subject(presented.proof.reveal())
        try:
            client = await self.clients.find(client_id)
        except ClientRefused as error:
            raise AuthenticationFailed from error
        if client is None:
            raise AuthenticationFailed
        return client

    async def _check_assertion(self, client: Client, value: str) -> None:
        try:
            assertion = await self._verified(client, value)
        except InvalidClientAssertion as error:
            raise self._failure(client, str(error)) from error
        lifetime = assertion.expires_at - self.now() + _REMEMBERED_LONGER
        # By the id's digest, which has one length: of two clients' ids and jtis no two can be written the same.
        key = f"{digest(client.client_id)} {assertion.jti}"
        used = await self.used_assertions.claim(key, UsedAssertion(), lifetime)
        if used is not None:
            self.events.alarm("client_assertion_replayed", client=trace(client.client_id))
            raise AuthenticationFailed

    async def _verified(self, client: Client, value: str) -> ClientAssertion:
        try:
            try:
                return self.assertions.verify(value, client.client_id, await self.keys.of(client))
            except UnknownKey:
                # It may have other keys by now.
                return self.assertions.verify(value, client.client_id, await self.keys.renewed(client))
        except ClientRefused as error:
            raise InvalidClientAssertion("its keys cannot be had") from error

    def _failure(self, client: Client, reason: str) -> OAuthError:
        self.events.alarm("client_authentication_failed", client=trace(client.client_id), reason=reason)
        return AuthenticationFailed()


def _is_secret_of(client: Client, presented: PresentedCredentials) -> bool:
    expected: Secret | None = client.credentials.secret
    return expected is not None and expected.matches(presented.proof.reveal())
