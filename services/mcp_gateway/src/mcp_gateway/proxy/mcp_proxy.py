"""The data plane: in front of the routed application, for the paths of the MCP servers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from authproxy_common.errors import BadGateway, InvalidRequest, OAuthError
from authproxy_common.http.error_answers import note_refusal, refusal_body
from authproxy_common.http.json_answer import answer_json
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.request_id import request_id_of
from mcp_gateway.proxy.admission import Admission
from mcp_gateway.proxy.callers import Caller
from mcp_gateway.proxy.endpoints import Destination, Endpoints
from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.messages import MessageRefused, RoutingHeaders
from mcp_gateway.proxy.origins import OriginPolicy
from mcp_gateway.proxy.relaying import relay, while_client_waits, whole_body
from mcp_gateway.proxy.rules import Rules
from mcp_gateway.proxy.statuses import CredentialsRefused, check_status
from mcp_gateway.proxy.tool_lists import Shown
from mcp_gateway.proxy.transport import UpstreamGone, UpstreamNotReached, UpstreamRequest, UpstreamTransport
from mcp_gateway.proxy.upstreams import Upstream

log = structlog.get_logger("proxy")

METHODS = ("GET", "POST", "DELETE")

_SESSION = b"mcp-session-id"


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
            caller = await self._admit(upstream, scope)
            body = await whole_body(receive)
            if body is not None:
                await while_client_waits(receive, lambda: self._forward(upstream, caller, scope, body, send))
        except MessageRefused as refused:
            await self._refuse(refused.error, refused.body(request_id_of(scope)), send)
        except OAuthError as error:
            await self._refuse(error, refusal_body(error, request_id_of(scope)), send)

    async def _admit(self, upstream: Upstream, scope: Scope) -> Caller | None:
        headers = Headers(scope=scope)
        self.origins.check(headers)
        caller = await self.admission.admit(upstream.server, headers)
        # Afterwards, because there are clients that look for the challenge with HEAD.
        if scope["method"] not in METHODS:
            raise MethodNotAllowed("MCP knows GET, POST and DELETE")
        if "access_token" in dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)):
            raise InvalidRequest("a token must not be in the query (RFC 6750 §5.3)")
        return caller

    async def _forward(self, upstream: Upstream, caller: Caller | None, scope: Scope, body: bytes, send: Send) -> None:
        shown = _shown(upstream.rules, caller, scope, body) if upstream.rules else None
        credentials = await upstream.credentials.headers(caller)
        try:
            await self._deliver(upstream.endpoints, upstream.request(scope, body, credentials), shown, send)
        except CredentialsRefused:
            others = await upstream.credentials.others(caller, credentials)
            if others is None:
                raise
            await self._deliver(upstream.endpoints, upstream.request(scope, body, others), shown, send)

    async def _deliver(self, endpoints: Endpoints, request: UpstreamRequest, shown: Shown | None, send: Send) -> None:
        failure: OAuthError = BadGateway("the MCP server has no endpoint")
        for destination in endpoints.destinations(_session_id(request.headers)):
            try:
                await self._exchange(endpoints, destination, request, shown, send)
            except UpstreamNotReached as error:
                endpoints.not_reached(destination.url)
                failure = error
            else:
                return
        raise failure

    async def _exchange(
        self,
        endpoints: Endpoints,
        destination: Destination,
        request: UpstreamRequest,
        shown: Shown | None,
        send: Send,
    ) -> None:
        headers = _with_session(request.headers, destination.session_id)
        directed = replace(request, url=destination.url + request.url, headers=headers)
        async with self.transport.send(directed) as response:
            check_status(response.status)
            created = _session_id(response.headers)
            named = endpoints.session_id(created, destination.url) if created else None
            answer = replace(response, headers=_with_session(response.headers, named))
            try:
                await relay(await shown.of(answer) if shown else answer, send)
            # Not completing the answer makes the server close the connection: the client sees a broken stream, not a
            # short message.
            except UpstreamGone as error:
                self.metrics.dependency_failures.labels("upstream").inc()
                log.warning("upstream_gone", cause=str(error))
            except TimeoutError:
                log.warning("client_stopped_reading")

    async def _refuse(self, error: OAuthError, body: Mapping[str, Any], send: Send) -> None:
        note_refusal(error, self.metrics)
        await answer_json(send, error.status, body, error.headers())


def _shown(rules: Rules, caller: Caller | None, scope: Scope, body: bytes) -> Shown | None:
    """See `Rules.shown`."""
    return rules.shown(caller, RoutingHeaders(scope["method"], scope["headers"]), body)


def _session_id(headers: RawHeaders) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == _SESSION), None)


def _with_session(headers: RawHeaders, session_id: str | None) -> RawHeaders:
    """The headers with the session by this name, where they have one."""
    if session_id == _session_id(headers):
        return headers
    others = [(name, value) for name, value in headers if name.lower() != _SESSION]
    return [*others, (_SESSION, session_id.encode("latin-1"))] if session_id else others
