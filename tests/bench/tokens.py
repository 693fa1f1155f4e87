"""Access tokens of an issuer that exists in this run alone."""

import asyncio
from datetime import timedelta
from functools import cache

from authproxy_common.clock import utc_now
from authproxy_common.exchange import SignIn
from authproxy_common.secret import Secret, mint
from mcp_gateway.domain.grants import Grant
from mcp_gateway.tokens.access_tokens import AccessTokens
from mcp_gateway.tokens.signing_keys import SigningKeys, generate_signing_key

ISSUER = "http://gateway.bench"
SIGNING_KEY = generate_signing_key()
KINDS = ("json", "k64", "m1", "burst", "paced", "idle")
TOKEN_KEYS = SigningKeys.from_pem(SIGNING_KEY)

_TTL = timedelta(hours=2)


@cache
def grant(server: str) -> Grant:
    """What the token for that MCP server was issued under."""
    now = utc_now()
    return Grant(
        grant_id=mint(),
        client_id="bench",
        subject="bench:alice",
        resource=f"{ISSUER}/{server}/mcp",
        scope=("mcp",),
        secret=Secret(mint()),
        opened_at=now,
        sign_in=SignIn(provider="bench", access_token=Secret(mint()), user={"sub": "alice"}),
        checked_at=now,
    )


async def _issued() -> dict[str, str]:
    tokens = AccessTokens(ISSUER, TOKEN_KEYS, _TTL, utc_now)
    return {kind: (await tokens.issue(grant(kind)))[0].reveal() for kind in KINDS}


# Once, before there is an event loop.
_TOKENS = asyncio.run(_issued())


def token(server: str) -> str:
    """An access token for the MCP server of that name, good for the whole run."""
    return _TOKENS[server]
