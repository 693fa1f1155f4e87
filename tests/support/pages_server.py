"""A real MCP server, the official SDK's, with tools that not everybody should call; it answers in JSON if told so."""

import os

from mcp.server.mcpserver import MCPServer

server = MCPServer("pages")


@server.tool()
async def search(words: str) -> str:
    """Find pages."""
    return f"found {words}"


@server.tool()
async def get_page(name: str) -> str:
    """Read a page."""
    return f"page {name}"


@server.tool()
async def get_secret() -> str:
    """Read what nobody should."""
    return "the secret"


@server.tool()
async def create_page(name: str) -> str:
    """Write a page."""
    return f"created {name}"


@server.tool()
async def delete_space() -> str:
    """Delete everything."""
    return "deleted"


if __name__ == "__main__":
    server.run(
        "streamable-http",
        host="127.0.0.1",
        port=int(os.environ.get("SAMPLE_SERVER_PORT", "9000")),
        json_response=os.environ.get("JSON_RESPONSE") == "yes",
    )
