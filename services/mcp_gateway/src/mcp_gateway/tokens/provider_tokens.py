"""The provider's access tokens handed on to clients: `token_mode: passthrough`, which MCP forbids."""

from dataclasses import dataclass
from datetime import timedelta

from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidGrant
from authproxy_common.secret import Secret
from mcp_gateway.domain.grants import Grant


@dataclass(frozen=True, slots=True)
class ProviderAccessTokens:
    """`flows.ports.AccessTokenIssuer` that issues nothing of ours."""

    now: Clock

    def issue(self, grant: Grant) -> tuple[Secret, timedelta]:
        """The provider's token and what is left of its life; raises InvalidGrant when that is nothing."""
        left = grant.upstream_token_expires_at - self.now()
        if left <= timedelta(0):
            raise InvalidGrant("the identity provider's token has expired, and it gave none to renew it with")
        return grant.sign_in.access_token, left
