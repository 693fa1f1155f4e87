"""A sample MCP server: one tool that streams progress, one that says who called. It knows nothing of OAuth."""

import os

import anyio
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("sample")


@server.tool()
async def whoami(ctx: Context) -> str:
    """Say who is calling, as the gateway told us."""
    return (ctx.headers or {}).get("x-forwarded-user", "nobody said who you are")


@server.tool()
async def count(upto: int, ctx: Context) -> str:
    """Count slowly, reporting progress at every step."""
    for step in range(1, upto + 1):
        await ctx.report_progress(step, upto, f"counted to {step}")
        await anyio.sleep(0.05)
    return f"counted to {upto}"


if __name__ == "__main__":
    server.run(
        "streamable-http",
        host=os.environ.get("SAMPLE_SERVER_HOST", "127.0.0.1"),
        port=int(os.environ.get("SAMPLE_SERVER_PORT", "9000")),
    )
