"""A person at an MCP client: what the client opens in a browser is answered by a robot with that browser."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mcp.client import Client
from mcp.client.client import ConnectMode
from mcp.shared._httpx_utils import McpHttpClientFactory, create_mcp_http_client
from mcp.shared.dispatcher import ProgressFnT

from examples.mcp_client import MemoryTokens, connected
from tests.support.browser import Browser


@dataclass
class Person:
    """Consents and signs in as `name` whenever a client asks, or denies at the provider, as far as pages have forms."""

    name: str = "alice"
    denies: bool = False
    browser: Browser = field(default_factory=Browser)
    tokens: MemoryTokens = field(default_factory=MemoryTokens)
    sign_ins: int = 0
    open_http: McpHttpClientFactory = create_mcp_http_client
    _under_way: "list[asyncio.Task[object]]" = field(default_factory=list)

    async def open_browser(self, url: str) -> None:
        """What a client does with an authorization URL."""
        self.sign_ins += 1
        self._under_way.append(asyncio.create_task(self._sign_in(url)))

    async def aclose(self) -> None:
        """Close the browser, once it has nothing left to do."""
        await asyncio.gather(*self._under_way)
        await self.browser.http.aclose()

    async def _sign_in(self, url: str) -> None:
        page = await self.browser.open(url)
        provider = await self.browser.submit(page, {"decision": "approve"}) if page.asks_for_consent else page
        if provider.forms and self.denies:
            await self.browser.submit(provider, {"action": "deny"}, form=1)
        elif provider.forms:
            await self.browser.submit(provider, {"sub": self.name})

    @asynccontextmanager
    async def client(
        self, url: str, mode: ConnectMode = "auto", client_metadata_url: str | None = None
    ) -> AsyncIterator[Client]:
        """The official SDK's client, signed in."""
        async with connected(
            url,
            self.open_browser,
            tokens=self.tokens,
            mode=mode,
            client_metadata_url=client_metadata_url,
            open_http=self.open_http,
        ) as client:
            yield client


People = Callable[..., Person]
"""Makes a `Person` of a name, whose browser somebody closes."""


async def call(client: Client, tool: str, progress: ProgressFnT | None = None, **arguments: object) -> str:
    """What the tool answers, as text."""
    result = await client.call_tool(tool, arguments, progress_callback=progress)
    return "".join(getattr(block, "text", "") for block in result.content)
