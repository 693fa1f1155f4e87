"""Tokens as values: what the token endpoint answers, and what a verified access token says."""

from datetime import datetime, timedelta
from typing import Any

from authproxy_common.exchange import CLIENT
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret
from mcp_gateway.domain.grants import Grant


class InvalidAccessToken(Exception):
    """Not a token of ours, or not any more. The message is for the outsider."""


@frozen
class ActiveToken:
    """A verified access token. Made only by verification; whoever holds one may believe it until `good_until`.

    For a token that says itself how long it is good, that is `expires_at`; where somebody else has to be asked, sooner.
    """

    subject: str
    client_id: str
    resource: str
    scope: frozenset[str]
    grant_id: str
    consent_id: str | None
    token_id: str
    issued_at: datetime
    expires_at: datetime
    good_until: datetime

    @property
    def is_of_a_client(self) -> bool:
        """Whether its client acts for nobody: what it may, its operator said, and there are no claims to go by."""
        return self.subject.startswith(f"{CLIENT}:")


@frozen
class HandedOn:
    """What an access token of the provider was handed on for.

    Args:
        subject: Whose it is, as `Grant` has it.
        client_id, resource, scope: To whom, for what.
        grant_id: Of the grant that it was handed on under.
        consent_id: Of the remembered consent, where there is one.
        handed_on_at, expires_at: When, and until when it is good.
    """

    subject: str
    client_id: str
    resource: str
    scope: tuple[str, ...]
    grant_id: str
    consent_id: str | None
    handed_on_at: datetime
    expires_at: datetime

    @classmethod
    def under(cls, grant: Grant, now: datetime) -> "HandedOn":
        """For what the grant allows."""
        return cls(
            subject=grant.subject,
            client_id=grant.client_id,
            resource=grant.resource,
            scope=grant.scope,
            grant_id=grant.grant_id,
            consent_id=grant.consent_id,
            handed_on_at=now,
            expires_at=grant.upstream_token_expires_at,
        )


@frozen
class UpstreamToken:
    """An access token for an MCP server behind us, that is not of our making.

    Args:
        value: What is sent.
        good_until: When another one is looked for; a while before it ends.
    """

    value: Secret
    good_until: datetime


@frozen
class TokenResponse:
    """A successful answer of the token endpoint (RFC 6749 §5.1)."""

    access_token: Secret
    expires_in: timedelta
    scope: tuple[str, ...]
    refresh_token: Secret | None

    def to_json(self) -> dict[str, Any]:
        """The body."""
        body: dict[str, Any] = {
            "access_token": self.access_token.reveal(),
            "token_type": "Bearer",
            "expires_in": int(self.expires_in.total_seconds()),
            "scope": " ".join(self.scope),
        }
        return body | ({"refresh_token": self.refresh_token.reveal()} if self.refresh_token else {})
