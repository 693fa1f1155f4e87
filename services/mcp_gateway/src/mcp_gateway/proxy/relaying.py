"""The client's side of a call: taking the message in, passing the answer on, and noticing that nobody waits."""

from collections.abc import Awaitable, Callable

import anyio
from starlette.types import Message, Receive, Send

from mcp_gateway.proxy.headers import to_client
from mcp_gateway.proxy.transport import UpstreamResponse

# Seconds.
CLIENT_READS_WITHIN = 60.0


async def whole_body(receive: Receive) -> bytes | None:
    """The whole message, which `BodyLimit` bounds; None when the client left before its end."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


async def relay(response: UpstreamResponse, send: Send) -> None:
    """The answer, piece by piece as it comes. Raises UpstreamGone, and TimeoutError when the client reads nothing."""
    await _send(
        send, {"type": "http.response.start", "status": response.status, "headers": to_client(response.headers)}
    )
    async for piece in response.pieces:
        await _send(send, {"type": "http.response.body", "body": piece, "more_body": True})
    await _send(send, {"type": "http.response.body", "body": b""})


async def _send(send: Send, message: Message) -> None:
    with anyio.fail_after(CLIENT_READS_WITHIN):
        await send(message)


async def while_client_waits(receive: Receive, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` until it is done or the client has gone away, whichever comes first.

    Cancelled through anyio alone: the HTTP client shields the closing of connections from anyio's cancellation, and
    would lose them to a plain `Task.cancel`.
    """
    failure: Exception | None = None
    async with anyio.create_task_group() as group:

        async def leave() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        group.start_soon(leave)
        try:
            await work()
        except Exception as error:  # noqa: BLE001  # raised again below, outside of the group, which would wrap it
            failure = error
        group.cancel_scope.cancel()
    if failure:
        raise failure
