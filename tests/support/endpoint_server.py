"""One endpoint of a real MCP server, the official SDK's: it says its name, and keeps sessions of 2025 in memory."""

import os

from mcp.server.mcpserver import MCPServer

server = MCPServer("endpoint")


@server.tool()
async def where() -> str:
    """Say which endpoint this is."""
    return os.environ["ENDPOINT_NAME"]


if __name__ == "__main__":
    server.run("streamable-http", host="127.0.0.1", port=int(os.environ["ENDPOINT_PORT"]), json_response=True)
