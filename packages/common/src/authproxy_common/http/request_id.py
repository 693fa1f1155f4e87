"""The request id: in every log line, every answer, every error, and passed on to whom we call."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-request-id"

# Narrow enough that an id from outside cannot forge a log line.
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestId:
    """ASGI middleware that gives each request an id: the caller's own where it is well formed, else a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        offered = Headers(scope=scope).get(HEADER, "")
        request_id = offered if _WELL_FORMED.fullmatch(offered) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self.app(scope, receive, send_with_id)


@contextmanager
def request_id_of_our_own() -> Iterator[str]:
    """For calls that no request causes: they have this new id while the context is open."""
    request_id = secrets.token_hex(8)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        yield request_id


def request_id_of(scope: Scope) -> str:
    """The id of the request that `scope` belongs to."""
    return str(scope.get("state", {}).get("request_id", "-"))


def current_request_id() -> str:
    """The id of the request that is being answered, for the calls that it causes."""
    return str(structlog.contextvars.get_contextvars().get("request_id", "-"))
