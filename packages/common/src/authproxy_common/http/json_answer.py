"""A JSON answer given below the application, where there is no framework to render one."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Send


async def answer_json(send: Send, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Send the whole answer."""
    content = json.dumps(body).encode()
    fields = {"content-type": "application/json", "content-length": str(len(content)), **headers}
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})


async def refuse_and_close(send: Send, status: int, description: str, request_id: str) -> None:
    """The answer to a request whose rest nobody will read; the connection is closed after it."""
    body = {"error": "invalid_request", "error_description": description, "request_id": request_id}
    await answer_json(send, status, body, {"connection": "close"})
