"""Whether what a client presented proves that it is that client (OAuth 2.1 §2.4, RFC 7523 §3)."""

from datetime import timedelta

from authproxy_common.clients.assertions import ClientAssertion, ClientAssertions
from authproxy_common.clients.credentials import (
    NONE,
    PRIVATE_KEY_JWT,
    AuthenticationFailed,
    ClientRefused,
    Credentials,
)
from authproxy_common.clients.presented_credentials import PresentedCredentials
from authproxy_common.clients.signed_jwts import InvalidJWT, PublicKeys, verified_with
from authproxy_common.clock import Clock
from authproxy_common.errors import OAuthError
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.records import Collection
from authproxy_common.secret import digest, trace

# What the verifier's own leeway allows an assertion to outlive itself by, and more.
_REMEMBERED_LONGER = timedelta(minutes=5)


@frozen
class UsedAssertion:
    """Marks a client assertion as used (RFC 7523 §3). Its key is the client and the assertion's `jti`."""


@frozen
class CredentialCheck:
    """Checks what clients present against what each is registered with.

    Args:
        assertions: Verifies what was signed with a client's keys.
        used_assertions: Which were used: each is good once, at one replica.
        now: The clock.
        events: Hears of what is not as it should be.
    """

    assertions: ClientAssertions
    used_assertions: Collection[UsedAssertion]
    now: Clock
    events: Events

    def claimed(self, presented: PresentedCredentials) -> str:
        """Whom `presented` names, not yet believed; empty where it names nobody."""
        return presented.client_id or self.assertions.unverified_subject(presented.proof.reveal())

    async def check(
        self, client_id: str, credentials: Credentials, presented: PresentedCredentials, keys: PublicKeys
    ) -> None:
        """Return when `presented` proves to be of the client with `credentials`.

        Raises:
            AuthenticationFailed: It does not; the answer does not tell why.
            TemporarilyUnavailable: The client's keys could not be fetched.
        """
        if presented.method not in credentials.methods:
            raise self._failure(client_id, f"authenticates by {presented.method}")
        if presented.method == PRIVATE_KEY_JWT:
            await self._check_assertion(client_id, presented.proof.reveal(), keys)
        elif presented.method != NONE and not _is_secret_of(credentials, presented):
            raise self._failure(client_id, "sent a wrong secret")

    async def _check_assertion(self, client_id: str, value: str, keys: PublicKeys) -> None:
        try:
            assertion = await self._verified(client_id, value, keys)
        except InvalidJWT as error:
            raise self._failure(client_id, f"sent an assertion, but {error}") from error
        lifetime = assertion.expires_at - self.now() + _REMEMBERED_LONGER
        # By the id's digest, which has one length: of two clients' ids and jtis no two can be written the same.
        key = f"{digest(client_id)} {assertion.jti}"
        used = await self.used_assertions.claim(key, UsedAssertion(), lifetime)
        if used is not None:
            self.events.alarm("client_assertion_replayed", client=trace(client_id))
            raise AuthenticationFailed

    async def _verified(self, client_id: str, value: str, keys: PublicKeys) -> ClientAssertion:
        try:
            return await verified_with(keys, lambda jwks: self.assertions.verify(value, client_id, jwks))
        except ClientRefused as error:
            raise InvalidJWT("its keys cannot be had") from error

    def _failure(self, client_id: str, reason: str) -> OAuthError:
        self.events.alarm("client_authentication_failed", client=trace(client_id), reason=reason)
        return AuthenticationFailed()


def _is_secret_of(credentials: Credentials, presented: PresentedCredentials) -> bool:
    return credentials.secret is not None and credentials.secret.matches(presented.proof.reveal())
