"""Tools that change what the server offers, and say so to whoever listens."""

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import Prompt

_NAME = "test_passing"


def _passing() -> str:
    """Offered for a moment."""
    return "gone already"


async def test_trigger_tool_change(ctx: Context) -> str:
    """Offer one more tool and take it back."""
    ctx.mcp_server.add_tool(_passing, name=_NAME)
    ctx.mcp_server.remove_tool(_NAME)
    await ctx.notify_tools_changed()
    return "the tools have changed"


async def test_trigger_prompt_change(ctx: Context) -> str:
    """Offer one more prompt and take it back."""
    ctx.mcp_server.add_prompt(Prompt.from_function(_passing, name=_NAME))
    ctx.mcp_server.remove_prompt(_NAME)
    await ctx.notify_prompts_changed()
    return "the prompts have changed"


TOOLS: tuple[Callable[..., Any], ...] = (
    test_trigger_tool_change,
    test_trigger_prompt_change,
)
