"""Who calls, as everything behind the door sees it."""

from authproxy_common.exchange import Person
from authproxy_common.frozen import frozen
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.tokens import ActiveToken


# One is told from another by being it, so that what was made for one can be kept for as long as it is remembered.
@frozen(eq=False, weakref_slot=True)
class Caller:
    """Whoever has this token; the same object for as long as the token is remembered.

    Args:
        token: Verified, and for the MCP server that is called.
        grant: What the token was issued under, as it was when the token was first seen; None where nothing behind the
            door has to know.
    """

    token: ActiveToken
    grant: Grant | None = None

    @property
    def person(self) -> Person | None:
        """On whose behalf; None where the client acts for nobody, or where nothing behind the door has to know."""
        return self.grant.person if self.grant else None
