"""`make login`: an MCP client in the terminal. Opens the browser, signs in, calls both tools, shows their answers."""

import asyncio
import os
import sys
import webbrowser

import httpx2
from mcp.client import Client

from examples.mcp_client import SignInFailed, connected
from scripts.processes import programs, public_urls


async def open_browser(url: str) -> None:
    """Open the person's browser where there is one; the address is printed either way."""
    print(f"Sign in here, if no browser opens by itself:\n\n  {url}\n", flush=True)
    if os.environ.get("BROWSER") != "none":
        await asyncio.to_thread(webbrowser.open, url)


async def show_progress(progress: float, total: float | None, message: str | None) -> None:
    print(f"  … {message} ({progress:.0f} of {total:.0f})", flush=True)


async def call_tools(client: Client) -> None:
    tools = await client.list_tools()
    print(f"Signed in. Tools: {', '.join(tool.name for tool in tools.tools)}\n")
    print("count(upto=3)")
    counted = await client.call_tool("count", {"upto": 3}, progress_callback=show_progress)
    print(f"  → {_text(counted)}\n\nwhoami()")
    print(f"  → {_text(await client.call_tool('whoami', {}))}")


def _text(result: object) -> str:
    return "".join(getattr(block, "text", "") for block in getattr(result, "content", []))


async def main() -> None:
    base = os.environ.get("MCP_EXTERNAL_BASE_URL") or public_urls(programs(os.environ))[1]
    try:
        async with connected(f"{base}/mcp", open_browser) as client:
            await call_tools(client)
    except* httpx2.ConnectError:
        sys.exit(f"nothing answers at {base}; is `make up` running?")
    except* SignInFailed as failures:
        sys.exit(f"not signed in: {failures.exceptions[0]}")


if __name__ == "__main__":
    asyncio.run(main())
