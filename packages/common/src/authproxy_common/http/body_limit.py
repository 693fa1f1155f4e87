"""How much of a request is taken in, and which requests are not taken in at all."""

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authproxy_common.errors import ContentTooLarge
from authproxy_common.http.json_answer import refuse_and_close
from authproxy_common.http.request_id import request_id_of

_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"upgrade"})
_LENGTH = re.compile(r"[0-9]{1,18}")


class UnambiguousFraming:
    """ASGI middleware that refuses requests of which two programs could disagree where they end.

    Those are the ones with both Content-Length and Transfer-Encoding (RFC 9112 §6.1), and those that ask for another
    protocol, after which our parser takes the body for the next request. They are answered before anybody reads them,
    and the connection is closed with whatever else came on it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = [name for name, _ in scope.get("headers", ()) if name in _FRAMING]
        if len(names) - names.count(b"upgrade") > 1:
            await refuse_and_close(send, 400, "the request gives its length twice", request_id_of(scope))
        elif b"upgrade" in names:
            await refuse_and_close(send, 400, "no other protocol is spoken here", request_id_of(scope))
        else:
            await self.app(scope, receive, send)


class BodyLimit:
    """ASGI middleware that answers 413 to bodies longer than `limit` bytes, announced or not."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, taken = False, 0

        async def receive_within_limit() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.limit:
                raise ContentTooLarge(self._description())
            return message

        async def send_noting_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            self._check_announced(scope)
            await self.app(scope, receive_within_limit, send_noting_start)
        except ContentTooLarge as error:
            if not started:
                await refuse_and_close(send, error.status, error.description, request_id_of(scope))

    def _check_announced(self, scope: Scope) -> None:
        announced = Headers(scope=scope).get("content-length", "0")
        if not _LENGTH.fullmatch(announced) or int(announced) > self.limit:
            raise ContentTooLarge(self._description())

    def _description(self) -> str:
        return f"the body is longer than {self.limit} bytes"
