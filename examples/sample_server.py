"""A sample MCP server: what it learns of its callers, and a tool that streams progress. It knows nothing of OAuth.

It believes what it can check. Where SAMPLE_SERVER_GATEWAY names the gateway, an assertion of who calls is verified
with the keys that the gateway publishes. Where SAMPLE_SERVER_ISSUER names a provider, a bearer token that is a JWT is
verified as that one's for us, with the keys at SAMPLE_SERVER_ISSUER_KEYS; any other is shown to SAMPLE_SERVER_USERINFO,
if that is named. Nothing but the gateway reaches it, so that it believes the other headers too.
"""

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import anyio
import httpx
import jwt
from mcp.server.mcpserver import Context, MCPServer

GATEWAY = os.environ.get("SAMPLE_SERVER_GATEWAY")
AUDIENCE = os.environ.get("SAMPLE_SERVER_AUDIENCE", "http://localhost:9000/mcp")
ISSUER = os.environ.get("SAMPLE_SERVER_ISSUER")
USERINFO = os.environ.get("SAMPLE_SERVER_USERINFO")
ASSERTION = "x-forwarded-jwt-assertion"
READABLE = ("x-forwarded-user", "x-forwarded-email", "x-forwarded-groups")

server = MCPServer("sample")


@server.tool()
async def whoami(ctx: Context) -> str:
    """Say who is calling, as far as the gateway lets us know."""
    told = ctx.headers or {}
    if GATEWAY and ASSERTION in told:
        return str((await asserted(told[ASSERTION]))["sub"])
    if ISSUER and is_jwt(told.get("authorization", "")):
        return f"{(await bearer(told['authorization']))['sub']}, says a token for us"
    if USERINFO and "authorization" in told:
        return await person_at_the_provider(told["authorization"])
    return told.get("x-forwarded-user", "nobody said who you are")


@server.tool()
async def credentials(ctx: Context) -> dict[str, Any]:
    """Show what came with the call: headers, secrets as the head of their digest, and what could be verified."""
    told = {name: value for name, value in (ctx.headers or {}).items() if name.startswith(("x-", "authorization"))}
    claims: Mapping[str, Any] | None = None
    if GATEWAY and ASSERTION in told:
        claims = await asserted(told[ASSERTION])
    elif ISSUER and is_jwt(told.get("authorization", "")):
        claims = await bearer(told["authorization"])
    return {"headers": {name: shown(name, value) for name, value in told.items()}, "verified": claims}


@server.tool()
async def count(upto: int, ctx: Context) -> str:
    """Count slowly, reporting progress at every step."""
    for step in range(1, upto + 1):
        await ctx.report_progress(step, upto, f"counted to {step}")
        await anyio.sleep(0.05)
    return f"counted to {upto}"


async def asserted(assertion: str) -> Mapping[str, Any]:
    """What the gateway says of the caller, to us and just now; raises what PyJWT does."""
    if jwt.get_unverified_header(assertion).get("typ") != "caller-assertion+jwt":
        raise jwt.InvalidTokenError("this is something else that the gateway signed")
    return await anyio.to_thread.run_sync(verified, assertion, f"{GATEWAY}/.well-known/jwks.json", GATEWAY, "ES256")


async def bearer(authorization: str) -> Mapping[str, Any]:
    """What the provider says in a token for us; raises what PyJWT does."""
    token, keys = authorization.removeprefix("Bearer "), os.environ["SAMPLE_SERVER_ISSUER_KEYS"]
    return await anyio.to_thread.run_sync(verified, token, keys, ISSUER, "RS256")


def verified(token: str, keys_url: str, issuer: str | None, algorithm: str) -> Mapping[str, Any]:
    """The claims of a token for us, which the issuer signed with a key that it publishes."""
    required = ["iss", "sub", "aud", "exp", "iat"]
    claims: Mapping[str, Any] = jwt.decode(
        token,
        keys_at(keys_url).get_signing_key_from_jwt(token),
        algorithms=[algorithm],
        audience=AUDIENCE,
        issuer=issuer,
        options={"require": required},
    )
    return claims


@cache
def keys_at(url: str) -> jwt.PyJWKClient:
    """It keeps the keys, and fetches them anew when a token names one that it does not know, however often: none but
    the gateway brings us tokens.
    """
    return jwt.PyJWKClient(url, cooldown_duration=0)


def is_jwt(authorization: str) -> bool:
    """By its form: three parts, where other tokens are one."""
    return authorization.startswith("Bearer ") and authorization.count(".") == 2


async def person_at_the_provider(authorization: str) -> str:
    """Whose token it is, says who issued it."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(str(USERINFO), headers={"Authorization": authorization})
    return f"{answer.raise_for_status().json()['sub']}, says the provider"


def shown(name: str, value: str) -> str:
    """What may be shown of a header."""
    return value if name in READABLE else f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:8]}"


if __name__ == "__main__":
    server.run(
        "streamable-http",
        host=os.environ.get("SAMPLE_SERVER_HOST", "127.0.0.1"),
        port=int(os.environ.get("SAMPLE_SERVER_PORT", "9000")),
    )
