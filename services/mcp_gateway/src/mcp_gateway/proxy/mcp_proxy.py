"""The data plane: in front of the routed application, for the paths of the MCP servers."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authproxy_common.errors import BadGateway, OAuthError, TemporarilyUnavailable
from authproxy_common.http.json_answer import answer_json
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.request_id import HEADER, request_id_of
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.domain.tokens import ActiveToken
from mcp_gateway.proxy.admission import Admission
from mcp_gateway.proxy.headers import to_client, to_upstream
from mcp_gateway.proxy.origins import OriginPolicy
from mcp_gateway.proxy.transport import UpstreamGone, UpstreamRequest, UpstreamResponse, UpstreamTransport

log = structlog.get_logger("proxy")

METHODS = ("GET", "POST", "DELETE")


@dataclass(frozen=True, slots=True)
class Upstream:
    """One MCP server and the way to it.

    Args:
        server: As clients see it.
        url: Where it really is.
        tells_identity: Whether it is told who calls.
        response_timeout, idle_timeout: See `UpstreamRequest`.
    """

    server: MCPServer
    url: str
    tells_identity: bool
    response_timeout: timedelta
    idle_timeout: timedelta


class MethodNotAllowed(OAuthError):
    """RFC 9110 §15.5.6."""

    code, status = "invalid_request", 405

    def headers(self) -> dict[str, str]:
        return {"Allow": ", ".join(METHODS)}


class MCPProxy:
    """ASGI middleware: calls of MCP servers are proxied, everything else goes to `app`.

    Args:
        app: The routed application.
        upstreams: By path.
        admission: Decides who may pass.
        origins: Decides where calls may come from.
        transport: The way to the upstreams.
        metrics: Counts what fails.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        upstreams: Mapping[str, Upstream],
        admission: Admission,
        origins: OriginPolicy,
        transport: UpstreamTransport,
        metrics: Metrics,
    ) -> None:
        self.app = app
        self.upstreams = upstreams
        self.admission = admission
        self.origins = origins
        self.transport = transport
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upstream = self.upstreams.get(scope["path"]) if scope["type"] == "http" else None
        if upstream is None:
            await self.app(scope, receive, send)
            return
        try:
            caller = self._admit(upstream, scope)
            request = _request(upstream, caller, scope, await _body(receive))
            await _while_client_waits(receive, self._forward(request, send))
        except OAuthError as error:
            await self._refuse(error, scope, send)

    def _admit(self, upstream: Upstream, scope: Scope) -> ActiveToken | None:
        headers = Headers(scope=scope)
        self.origins.check(headers)
        if scope["method"] not in METHODS:
            raise MethodNotAllowed("MCP knows GET, POST and DELETE")
        return self.admission.admit(upstream.server, headers)

    async def _forward(self, request: UpstreamRequest, send: Send) -> None:
        async with self.transport.send(request) as response:
            _check_status(response.status)
            try:
                await _relay(response, send)
            except UpstreamGone as error:
                # Not completing the answer makes the server close the connection: the client sees a broken stream,
                # not a short message.
                self.metrics.dependency_failures.labels("upstream").inc()
                log.warning("upstream_gone", cause=str(error))

    async def _refuse(self, error: OAuthError, scope: Scope, send: Send) -> None:
        cause = type(error.__cause__).__name__ if error.__cause__ else None
        log.warning("refused", error=error.code, description=error.description, cause=cause)
        if isinstance(error, BadGateway | TemporarilyUnavailable):
            self.metrics.dependency_failures.labels("upstream").inc()
        body = {
            "error": error.code,
            "error_description": error.description,
            "request_id": request_id_of(scope),
        }
        await answer_json(send, error.status, body, error.headers())


def _request(upstream: Upstream, caller: ActiveToken | None, scope: Scope, body: bytes) -> UpstreamRequest:
    ours = {HEADER: request_id_of(scope)}
    if upstream.tells_identity and caller:
        ours["x-forwarded-user"] = caller.subject
    query = scope["query_string"].decode("latin-1")
    return UpstreamRequest(
        method=scope["method"],
        url=f"{upstream.url}?{query}" if query else upstream.url,
        headers=to_upstream(scope["headers"], ours),
        body=body,
        response_timeout=upstream.response_timeout,
        idle_timeout=upstream.idle_timeout,
    )


async def _body(receive: Receive) -> bytes:
    """The whole message; `BodyLimit` bounds it."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _relay(response: UpstreamResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": to_client(response.headers)})
    async for piece in response.pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _check_status(status: int) -> None:
    """A redirect would name an address of ours, and a 401 would be taken for an answer about the client's token."""
    if 300 <= status < 400:
        raise BadGateway("the MCP server redirects; configure the URL that it redirects to")
    if status == 401:
        raise BadGateway("the MCP server wants credentials that this gateway was not given")


async def _while_client_waits(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until it is done or the client has gone away, whichever comes first."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    message: Message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
