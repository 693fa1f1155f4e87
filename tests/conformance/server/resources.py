"""Resources: text, bytes, a template, and one to watch."""

import base64
import json

from mcp.server.mcpserver import MCPServer

from tests.conformance.server.contents import PNG


def add_to(server: MCPServer) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    def text() -> str:
        """Text that does not change."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def binary() -> bytes:
        """Bytes that do not change."""
        return base64.b64decode(PNG)

    @server.resource("test://template/{number}/data", mime_type="application/json")
    def template(number: str) -> str:
        """Text with something filled in."""
        return json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})

    @server.resource("test://watched-resource", mime_type="text/plain")
    def watched() -> str:
        """Text to subscribe to."""
        return "Watch me."
