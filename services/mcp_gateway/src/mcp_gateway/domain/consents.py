"""Consents that were given and are remembered, so that the same question is not asked twice (MCP security)."""

import hmac
from datetime import datetime

from authproxy_common.frozen import frozen
from authproxy_common.secret import mint
from mcp_gateway.domain.authorizations import Authorization
from mcp_gateway.domain.redirect_uris import host_or_scheme


@frozen
class GivenConsent:
    """What somebody allowed in one browser.

    Args:
        consent_id: Random, 256 bits. Grants opened under it name it, and so do their access tokens.
        withdrawal_key: Random, 256 bits. The form that withdraws it has it, and nothing else: its CSRF token.
        client_id, client_name: Whom.
        destination: Host, or scheme, that the codes go to.
        resource, scope: For what.
        given_at: When.
    """

    consent_id: str
    withdrawal_key: str
    client_id: str
    client_name: str
    destination: str
    resource: str
    scope: tuple[str, ...]
    given_at: datetime

    @classmethod
    def to(cls, authorization: Authorization, given_at: datetime) -> "GivenConsent":
        """To what is asked for in `authorization`."""
        return cls(
            consent_id=mint(),
            withdrawal_key=mint(),
            client_id=authorization.client_id,
            client_name=authorization.client_name,
            destination=host_or_scheme(authorization.address.uri),
            resource=authorization.resource,
            scope=authorization.scope,
            given_at=given_at,
        )

    def covers(self, authorization: Authorization) -> bool:
        """Whether nothing is asked for that was not allowed: same client, destination and server, no further scope."""
        return (
            self.client_id == authorization.client_id
            and self.destination == host_or_scheme(authorization.address.uri)
            and self.resource == authorization.resource
            and set(authorization.scope) <= set(self.scope)
        )

    def is_withdrawn_by(self, withdrawal_key: str) -> bool:
        """Whether this is the consent that a form means, in constant time."""
        return hmac.compare_digest(self.withdrawal_key.encode(), withdrawal_key.encode())
