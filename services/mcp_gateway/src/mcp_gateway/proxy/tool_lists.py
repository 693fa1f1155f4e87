"""Lists of tools in the answers of an MCP server, without those that the caller may not call."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Raw

from authproxy_common.errors import BadGateway
from authproxy_common.frozen import frozen
from mcp_gateway.proxy.event_streams import Events, EventTooLong, rewritten
from mcp_gateway.proxy.headers import RawHeaders
from mcp_gateway.proxy.strict_json import NotStrict, read_json
from mcp_gateway.proxy.transport import UpstreamGone, UpstreamResponse

# What is kept of an answer, or of one event of a stream, in order to look at it.
LONGEST_READ = 16 * 1024 * 1024
# A member `tools` cannot be spelled without this: no other escape of JSON stands for one of its letters.
_MAY_LIST = re.compile(rb"tools|\\u00(?:74|6[fFcC]|73)")
_EVENTS, _JSON = b"text/event-stream", b"application/json"
_UTF_8 = re.compile(rb'^\s*charset="?(?:utf-?8|us-ascii)"?\s*$')


class Unreadable(Exception):
    """What may list tools cannot be read as a list of tools."""


@frozen
class Shown:
    """What one caller is shown.

    An answer is looked at for what it is, not for whose it says it is: the ids of requests are the client's to choose,
    and a stream that is resumed brings answers to earlier ones.

    Args:
        permits: Whether the caller may call a tool, by its name.
        expected: Whether the answer may list tools though it is no stream.
        private: Whether the list is this caller's own, which no cache may show to anybody else.
    """

    permits: Callable[[str], bool]
    expected: bool
    private: bool

    async def of(self, response: UpstreamResponse) -> UpstreamResponse:
        """The answer without what is not shown. Raises BadGateway where it cannot be read."""
        media_type = self._looked_at(response.headers)
        if media_type is None:
            return response
        if media_type == _EVENTS:
            return replace(response, headers=_of_any_length(response.headers), pieces=self._events(response.pieces))
        return await self._whole(response, media_type)

    def events(self, headers: RawHeaders) -> Events | None:
        """What an event stream with this head has to go through; None for an answer that passes as it is.

        For those that are not `expected`. Raises BadGateway where it cannot be read.
        """
        return None if self._looked_at(headers) is None else Events(self._of_event, LONGEST_READ)

    def _looked_at(self, headers: RawHeaders) -> bytes | None:
        """The media type of an answer that has to be looked at. Raises BadGateway where that is not possible."""
        content_type = _header(headers, b"content-type") or b""
        if content_type == _JSON and not self.expected:
            return None
        media_type, _, parameters = content_type.lower().partition(b";")
        media_type = media_type.strip()
        if media_type != _EVENTS and not self.expected:
            return None
        if (_header(headers, b"content-encoding") or b"identity").lower() != b"identity":
            raise BadGateway("the MCP server compresses what it was asked not to compress")
        if b"charset" in parameters and not _UTF_8.search(parameters):
            raise BadGateway("the MCP server's answer is not in UTF-8")
        return media_type

    async def _whole(self, response: UpstreamResponse, media_type: bytes) -> UpstreamResponse:
        body = await _read(response.pieces)
        if media_type == _JSON or media_type.endswith(b"+json"):
            try:
                body = self.part_of(body)
            except Unreadable as error:
                raise BadGateway("the MCP server's answer cannot be read as a list of tools") from error
        elif body and response.status < 400:
            raise BadGateway("the MCP server's answer is neither JSON nor an event stream")
        length = [(b"content-length", str(len(body)).encode())] if body else []
        return replace(response, headers=[*_of_any_length(response.headers), *length], pieces=_one(body))

    async def _events(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for piece in rewritten(pieces, self._of_event, LONGEST_READ):
                yield piece
        except (Unreadable, EventTooLong) as error:
            # The answer has begun, so there is nothing left to say: its end is missing.
            raise UpstreamGone(type(error).__name__) from error

    def _of_event(self, data: bytes) -> bytes:
        """What is no JSON object or array is no message, whoever reads it."""
        return self.part_of(data) if data.lstrip()[:1] in {b"{", b"[", b"\0"} else data

    def part_of(self, text: bytes) -> bytes:
        """A message, or a batch, as it is shown; byte for byte where nothing is taken away. Raises Unreadable."""
        # No JSON in UTF-8 has a zero byte; other encodings of it do.
        if b"\0" in text:
            raise Unreadable
        if not _MAY_LIST.search(text):
            return text
        try:
            value = read_json(text)
            if isinstance(value, list):
                raws = msgspec.json.decode(text, type=list[Raw])
                shown = [self._message(each, bytes(raw)) for each, raw in zip(value, raws, strict=True)]
                return text if shown == [bytes(raw) for raw in raws] else b"[" + b",".join(shown) + b"]"
            return self._message(value, text)
        except (NotStrict, msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            raise Unreadable from error

    def _message(self, value: Any, text: bytes) -> bytes:
        result = value.get("result") if isinstance(value, dict) else None
        if not isinstance(result, dict) or "tools" not in result:
            return text
        members = msgspec.json.decode(text, type=dict[str, Raw])
        parts = msgspec.json.decode(members["result"], type=dict[str, Raw])
        tools = msgspec.json.decode(parts["tools"], type=list[Raw])
        shown = [raw for tool, raw in zip(result["tools"], tools, strict=True) if self._shows(tool)]
        is_public = self.private and result.get("cacheScope", "private") != "private"
        if len(shown) == len(tools) and not is_public:
            return text
        parts["tools"] = Raw(msgspec.json.encode(shown))
        parts |= {"cacheScope": Raw(b'"private"')} if is_public else {}
        return msgspec.json.encode(members | {"result": parts})

    def _shows(self, tool: Any) -> bool:
        """What has no name cannot be called, by anybody."""
        name = tool.get("name") if isinstance(tool, dict) else None
        return isinstance(name, str) and self.permits(name)


async def _read(pieces: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    try:
        async for piece in pieces:
            body += piece
            if len(body) > LONGEST_READ:
                raise BadGateway("the MCP server's list of tools is longer than this gateway reads")
    except UpstreamGone as error:
        raise BadGateway("the MCP server went away in the middle of its answer") from error
    return bytes(body)


async def _one(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


def _of_any_length(headers: RawHeaders) -> RawHeaders:
    return [(name, value) for name, value in headers if name.lower() != b"content-length"]


def _header(headers: RawHeaders, name: bytes) -> bytes | None:
    for each, value in headers:
        if each.lower() == name:
            return value
    return None
