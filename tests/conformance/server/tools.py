"""Tools that do something while they are called, or that are described in a special way."""

from collections.abc import Callable
from typing import Annotated, Any

import anyio
import anyio.lowlevel
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp.types import MISSING_REQUIRED_CLIENT_CAPABILITY
from pydantic import Field

# What the suite asks a tool to take between two notifications.
_STEP_SECONDS = 0.05
_RECONNECTED_WITHIN = 0.2
_TURNS_TO_BEGIN = 1000

# The keywords of JSON Schema 2020-12 that the suite looks for again in the list of tools.
_KEYWORDS: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def described_by_keywords() -> Tool:
    """A tool whose schema is none that Python types could say."""

    def described() -> str:
        """Be described."""
        return "described"

    tool = Tool.from_function(described, name="json_schema_2020_12_tool")
    return tool.model_copy(update={"parameters": _KEYWORDS})


async def test_tool_with_logging(ctx: Context) -> str:
    """Log at each step."""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(message)
        await anyio.sleep(_STEP_SECONDS)
    return "logged three times"


async def test_logging_tool(ctx: Context) -> str:
    """Log once, which since 2026-07-28 is heard only by who asks for it."""
    await ctx.info("the tool is at work")
    return "logged once"


async def test_tool_with_progress(ctx: Context) -> str:
    """Report progress at each step."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100)
        await anyio.sleep(_STEP_SECONDS)
    return "done"


async def test_reconnection(ctx: Context) -> str:
    """Leave the caller in the middle; the answer waits for it to come back with `Last-Event-ID`."""
    # A stream that is left before it began has no event to come back to, and the SDK does not say when it has begun.
    for _ in range(_TURNS_TO_BEGIN):
        await anyio.lowlevel.checkpoint()
    await ctx.close_sse_stream()
    await anyio.sleep(_RECONNECTED_WITHIN)
    return "the caller came back"


def test_error_handling() -> str:
    """Fail."""
    raise ToolError("This tool intentionally returns an error for testing")


def test_missing_capability(ctx: Context) -> str:
    """Insist on a client that can sample."""
    declared = ctx.client_capabilities
    if declared is None or declared.sampling is None:
        needed: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool needs a client that can sample", needed)
    return "the client can sample"


def test_x_mcp_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
) -> str:
    """Take an argument that travels in a header too."""
    return region


TOOLS: tuple[Callable[..., Any], ...] = (
    test_tool_with_logging,
    test_logging_tool,
    test_tool_with_progress,
    test_reconnection,
    test_error_handling,
    test_missing_capability,
    test_x_mcp_header,
)
