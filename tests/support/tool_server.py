"""An MCP server with tools, in this process: it remembers what it got, and answers as it is told."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tests.support.gateway import EchoServer

TOOLS = ("search", "get_page", "get_secret", "create_page", "delete_space")
EVENTS = "text/event-stream"


def tool(name: str) -> str:
    """A tool as it stands in a list, with what a careless proxy would change."""
    return (
        f'{{"name" : {json.dumps(name)}, "description":"f\u00fcr \u2028 alle, \\u00e4",'
        f' "inputSchema":{{"maximum":1.50,"enum":[{10**30}, 1E2] }}}}'
    )


def listed(*names: str, message_id: Any = 1, **result: Any) -> str:
    """An answer to `tools/list`, with spaces where nobody expects them."""
    further = "".join(f', "{name}": {json.dumps(value)}' for name, value in result.items())
    tools = " ,".join(tool(name) for name in names)
    return f'{{"jsonrpc" : "2.0", "id":{json.dumps(message_id)},"result":{{"tools" : [{tools}]{further}}} }}'


def names_in(text: str) -> list[str]:
    """The tools of an answer, of each of a batch, or of each event of a stream."""
    if not text.lstrip().startswith(("{", "[")):
        return [name for event in re.split(r"\n\n|\r\n\r\n|\r\r", text) for name in _names_in_event(event)]
    value = json.loads(text)
    results = [message["result"] for message in (value if isinstance(value, list) else [value]) if "result" in message]
    return [each["name"] for result in results for each in result.get("tools", [])]


def _names_in_event(event: str) -> list[str]:
    lines = [line[5:] for line in re.split(r"\r\n|\n|\r", event) if line.startswith("data:")]
    data = "\n".join(lines).strip()
    return names_in(data) if data else []


@dataclass
class ToolServer(EchoServer):
    """Answers every request alike.

    Args:
        body: The body, as one piece or as several.
        media_type: Of the answer.
    """

    body: str | bytes | list[bytes] = listed(*TOOLS)
    media_type: str | None = "application/json"

    async def mcp(self, request: Request) -> Response:
        self.received.append(request)
        self.bodies.append(await request.body())
        if isinstance(self.body, list):
            return StreamingResponse(_each(self.body), self.status, self.headers, self.media_type)
        return Response(self.body, self.status, self.headers, self.media_type)


async def _each(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
