"""One call: a request, and its answer for as long as somebody wants it."""

import asyncio
from types import TracebackType

from authproxy_common.errors import BadGateway
from mcp_gateway.proxy.transport import UpstreamRequest, UpstreamResponse
from mcp_gateway.proxy.upstream_http.answer import Answer
from mcp_gateway.proxy.upstream_http.connection import Connection
from mcp_gateway.proxy.upstream_http.failures import ExchangeFailed, HungUp, Overdue
from mcp_gateway.proxy.upstream_http.pool import UNREACHABLE, Pool

# What an upstream may get twice (RFC 9110 §9.2.2). Anything else is sent once, whatever becomes of it.
_IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class Exchange:
    """The context of `UpstreamTransport.send`.

    Args:
        pool: Has the connections.
        request: What is asked, and how long for.
        message: What is asked, as bytes.
    """

    __slots__ = ("_answer", "_connection", "_message", "_pool", "_request")

    _connection: Connection
    _answer: Answer

    def __init__(self, pool: Pool, request: UpstreamRequest, message: list[bytes]) -> None:
        self._pool = pool
        self._request = request
        self._message = message

    async def __aenter__(self) -> UpstreamResponse:
        try:
            await self._begin()
        except ExchangeFailed as error:
            raise no_answer(error) from error
        return UpstreamResponse(self._answer.status, self._answer.headers, self._answer)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.abandon(self._answer)

    async def _begin(self) -> None:
        until = asyncio.get_running_loop().time() + self._request.response_timeout.total_seconds()
        try:
            await self._ask(until)
        except HungUp:
            if self._request.method not in _IDEMPOTENT:
                raise
            self._pool.distrust_idle()
            await self._ask(until)

    async def _ask(self, until: float) -> None:
        connection = self._connection = self._pool.take() or await self._pool.wait(until)
        answer = self._answer = Answer(to_head=self._request.method == "HEAD", read_on=connection.read_on)
        connection.ask(self._message, answer, until, self._request.idle_timeout.total_seconds())
        try:
            await answer.begun()
        except BaseException:
            # Cancelled, most likely: the answer may still come, and must not become that of the next call.
            connection.abandon(answer)
            raise


def no_answer(failure: ExchangeFailed) -> BadGateway:
    """What the client is told where no answer began."""
    return BadGateway("the MCP server did not answer in time" if isinstance(failure, Overdue) else UNREACHABLE)
