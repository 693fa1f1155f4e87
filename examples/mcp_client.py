"""An MCP client with OAuth, on the official SDK: what a person's editor does, in a few lines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import McpHttpClientFactory, create_mcp_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

_DONE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nSigned in. You can close this window.\n"
)


@dataclass
class MemoryTokens:
    """Where the SDK keeps what it was given; a real client would use the system's key chain."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class SignInFailed(Exception):
    """The authorization response was an error (RFC 6749 §4.1.2.1)."""


@dataclass
class LoopbackCallback:
    """The loopback address that the browser comes back to (RFC 8252 §7.3)."""

    port: int
    answer: asyncio.Future[dict[str, str]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def redirect_uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/callback"

    async def wait(self) -> AuthorizationCodeResult:
        """The authorization response; raises SignInFailed for one that is an error."""
        answer = await self.answer
        self.answer = asyncio.get_running_loop().create_future()
        if "error" in answer:
            raise SignInFailed(f"{answer['error']}: {answer.get('error_description', '')}")
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of the browser."""
        target = (await reader.readline()).split()[1].decode()
        writer.write(_DONE)
        await writer.drain()
        writer.close()
        if urlsplit(target).path == "/callback" and not self.answer.done():
            self.answer.set_result({n: v[0] for n, v in parse_qs(urlsplit(target).query).items()})


@asynccontextmanager
async def connected(
    url: str,
    open_browser: Callable[[str], Awaitable[None]],
    *,
    tokens: MemoryTokens | None = None,
    mode: ConnectMode = "auto",
    client_metadata_url: str | None = None,
    open_http: McpHttpClientFactory = create_mcp_http_client,
) -> AsyncIterator[Client]:
    """A client of the MCP server at `url`, signed in with whatever `open_browser` does with an authorization URL.

    It registers itself, unless `tokens` hold a client that is known already, or its metadata is at
    `client_metadata_url`. `open_http` makes what its requests go through.
    """
    callback = LoopbackCallback(0)
    listener = await asyncio.start_server(callback.serve, "127.0.0.1", 0)
    callback.port = listener.sockets[0].getsockname()[1]
    metadata = OAuthClientMetadata(client_name="Terminal client", redirect_uris=[AnyUrl(callback.redirect_uri)])
    storage = tokens or MemoryTokens()
    auth = OAuthClientProvider(
        url, metadata, storage, open_browser, callback.wait, client_metadata_url=client_metadata_url
    )
    async with (
        listener,
        open_http(auth=auth) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client
