"""Run it in the sample server's place: `SAMPLE_SERVER_PORT=9000 python -m tests.conformance.server`."""

import logging
import os

import uvicorn
from mcp.server.mcpserver import MCPServer, RequestStateSecurity
from mcp.server.mcpserver.prompts.base import Prompt
from mcp.server.mcpserver.tools import Tool

from tests.conformance.server import (
    announcements,
    contents,
    prompts,
    questions,
    resources,
    rounds,
    sessions,
    tasks,
    tools,
)

_STREAM_RETRY_MILLISECONDS = 100


def main() -> None:
    port = int(os.environ.get("SAMPLE_SERVER_PORT", "9000"))
    app = conformance_server().streamable_http_app(
        event_store=sessions.Events(), retry_interval=_STREAM_RETRY_MILLISECONDS
    )
    logging.disable(logging.INFO)
    # httptools leaves the whitespace behind a header's value, which is not part of it (RFC 9110 §5.5).
    uvicorn.run(app, host="127.0.0.1", port=port, http="h11", log_level="warning")


def conformance_server() -> MCPServer:
    """Everything that the suite asks for, in both revisions."""
    offered = [tool for part in (contents, tools, announcements, questions, rounds) for tool in part.TOOLS]
    server = MCPServer(
        "conformance",
        version="1.0.0",
        tools=[tools.described_by_keywords(), *(Tool.from_function(tool) for tool in offered)],
        extensions=[tasks.Tasks()],
        request_state_security=RequestStateSecurity(keys=[os.urandom(32)]),
    )
    for prompt in prompts.PROMPTS:
        server.add_prompt(Prompt.from_function(prompt))
    resources.add_to(server)
    sessions.add_to(server)
    # The SDK gives this decorator no types.
    server.completion()(prompts.complete)  # type: ignore[no-untyped-call]
    return server


if __name__ == "__main__":
    main()
