"""The MCP servers behind the gateway, asked by the way that calls take."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta

from starlette.datastructures import Headers

from authproxy_common.doctor import Check, Failed, shown
from authproxy_common.doctor.causes import cause_of
from authproxy_common.errors import BadGateway
from authproxy_common.frozen import frozen
from mcp_gateway.proxy.headers import to_upstream
from mcp_gateway.proxy.transport import UpstreamRequest, UpstreamTransport
from mcp_gateway.settings import ServerSettings
from mcp_gateway.settings.credentials import IDENTITY, PROVIDER_TOKEN, STATIC, TOKEN_EXCHANGE

# A ping begins no session and calls no tool. A server that wants a session first refuses it, and is there.
_PING = json.dumps({"jsonrpc": "2.0", "id": "doctor", "method": "ping"}).encode()
_MCP_TYPES = ("application/json", "text/event-stream")
_HEADERS = [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]

# What the doctor has not, for it is nobody.
_OF_CALLERS = frozenset({IDENTITY, PROVIDER_TOKEN, TOKEN_EXCHANGE})
# What a call would get too; after any other status below 500 there is somebody who understood it.
_USELESS: Mapping[int, tuple[str, str]] = {
    401: ("it wants credentials", "let the gateway in without any, by the network that it comes from"),
    403: ("it does not let the gateway in", "let the host of {key} in there, or the gateway by its address"),
    404: ("there is no MCP endpoint at this path", "{key} must have the path too, such as /mcp"),
    405: ("there is no MCP endpoint at this path", "{key} must have the path too, such as /mcp"),
    421: ("it does not go by this name", "let the host of {key} in there, among its allowed hosts"),
}


@frozen
class EndpointExamination:
    """One endpoint of one of them.

    Args:
        name: Of the server, and of the endpoint where it has several.
        key: Of its URL in the configuration.
        url: Where it is.
        server: What it is told of callers; here is none, so that what is told of all is all that is sent.
        transport: The way there.
        deadline: Of the answer's beginning.
    """

    name: str
    key: str
    url: str
    server: ServerSettings
    transport: UpstreamTransport
    deadline: timedelta

    def check(self) -> Check:
        """What is examined."""
        return Check(f"MCP server {self.name}", self.answers)

    async def answers(self) -> str:
        """Something that speaks MCP, or refuses to in the manner of MCP, is there."""
        ours = {name.lower(): value.reveal() for name, value in self.server.static_headers.items()}
        headers = to_upstream(_HEADERS, ours)
        request = UpstreamRequest("POST", self.url, headers, _PING, self.deadline, self.deadline)
        try:
            async with self.transport.send(request) as response:
                status, answered = response.status, Headers(raw=list(response.headers))
        except BadGateway as error:
            cause = cause_of(error.__cause__ or error)
            raise Failed(f"cannot be reached: {cause}", f"{self.key} must lead to it, and it must run") from error
        if status == 401 and self.server.credentials in _OF_CALLERS:
            return "answers, and wants credentials, which calls bring (status 401)"
        self._check(status, answered.get("content-type", ""))
        return f"answers (status {status})"

    def _check(self, status: int, kind: str) -> None:
        if status == 401 and self.server.credentials == STATIC:
            key = self.key.rpartition(".")[0] + ".static_headers"
            raise Failed("answers 401: it does not take the headers that it gets", f"{key} must be what it wants")
        if status in _USELESS:
            reason, remedy = _USELESS[status]
            raise Failed(f"answers {status}: {reason}", remedy.format(key=self.key))
        if 300 <= status < 400:
            raise Failed(
                f"answers {status}: the gateway follows no redirect", f"{self.key} must be where it redirects to"
            )
        if status >= 500:
            raise Failed(f"answers {status}", "see the log of the MCP server, or of what stands before it")
        if status < 300 and not kind.startswith(_MCP_TYPES):
            raise Failed(
                f"answers something other than MCP ({shown(kind)})", f"{self.key} must be that of an MCP endpoint"
            )


def endpoint_checks(
    servers: Mapping[str, ServerSettings], transport: UpstreamTransport, deadline: timedelta
) -> Iterator[Check]:
    """One for each endpoint of each of `servers`, by name."""
    for name, server in servers.items():
        if server.url:
            yield EndpointExamination(name, f"servers.{name}.url", server.url, server, transport, deadline).check()
        for index, url in enumerate(server.urls):
            key = f"servers.{name}.urls[{index}]"
            yield EndpointExamination(f"{name} urls[{index}]", key, url, server, transport, deadline).check()
