"""FastMCP's proxy, a program of its own in the environment that has it: `fastmcp_proxy.py PORT UPSTREAM MODE`.

`default` is `create_proxy(url)`; `best` gives it one connected client, whose session every call reuses.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastmcp import Client, FastMCP
from fastmcp.server import create_proxy
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.providers.proxy import FastMCPProxy


def _verifier() -> JWTVerifier:
    return JWTVerifier(
        public_key=os.environ["BENCH_PUBLIC_KEY"], issuer=os.environ["BENCH_ISSUER"], algorithm="ES256", audience=None
    )


def _default(upstream: str) -> FastMCP:
    return create_proxy(upstream, auth=_verifier())


def _best(upstream: str) -> FastMCP:
    client = Client(upstream)

    @asynccontextmanager
    async def connected(_server: FastMCP) -> AsyncIterator[None]:
        async with client:
            yield

    return FastMCPProxy(client_factory=lambda: client, auth=_verifier(), lifespan=connected)


if __name__ == "__main__":
    port, upstream, mode = sys.argv[1:]
    proxy = {"default": _default, "best": _best}[mode](upstream)
    app = proxy.http_app(path="/json/mcp", stateless_http=True, json_response=True)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error", access_log=False)
