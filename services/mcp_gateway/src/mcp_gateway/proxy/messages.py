"""JSON-RPC messages of clients, read for a policy: what we read has to be what the MCP server will read.

A body that two programs could read differently is refused: members that are repeated, or differ in case alone from
those that count, another encoding than UTF-8, numbers that are none in JSON. So are headers that say something else.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from authproxy_common.errors import InvalidRequest, OAuthError
from mcp_gateway.proxy.strict_json import NotStrict, read_json

CALL, LIST = "tools/call", "tools/list"

# JSON-RPC 2.0 §5.1, and MCP 2026-07-28, Streamable HTTP, Server Validation.
_NO_JSON, _NO_MESSAGE, _HEADER_MISMATCH = -32700, -32600, -32020

_READ_OF_HEADERS = frozenset({b"content-type", b"content-encoding", b"mcp-method", b"mcp-name", b"last-event-id"})
_REPEATED = frozenset({b"mcp-method", b"mcp-name"})
_NONE: list[bytes] = []
_METHODS = frozenset({CALL, LIST})
_MEMBERS = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
# What `Mcp-Name` repeats, by method.
_NAMED_BY = {CALL: "name", "prompts/get": "name", "resources/read": "uri"}
# MCP recommends 128 letters for a tool; URIs are longer. Patterns are compared with all of it.
_LONGEST_NAME = 8192
_READ_OF_PARAMS = frozenset(_NAMED_BY.values())
# Whatever case somebody ignores, they take none of these for another.
_USUAL_PARAMS = _READ_OF_PARAMS | {"arguments", "_meta"}
_METHOD = re.compile(r"[!-~]{1,128}")
_JSON = re.compile(rb'application/json(?:[ \t]*;[ \t]*charset="?utf-?8"?)?', re.IGNORECASE)
_ENCODED = re.compile(r"=\?base64\?(.*)\?=")


class MessageRefused(Exception):
    """A refusal that answers a message: its body is a JSON-RPC error (JSON-RPC 2.0 §5.1).

    Args:
        error: Has the status, the headers, and the words.
        code: Of the JSON-RPC error.
        message_id: Whose answer it is, where that is known.
    """

    def __init__(self, error: OAuthError, code: int, message_id: str | int | None = None) -> None:
        super().__init__(error.description)
        self.error = error
        self.code = code
        self.message_id = message_id

    def body(self, request_id: str) -> dict[str, Any]:
        """What the client is told."""
        told = {"error": self.error.code, "request_id": request_id}
        error = {"code": self.code, "message": self.error.description, "data": told}
        return {"jsonrpc": "2.0", "id": self.message_id, "error": error}


class Message(NamedTuple):
    """One message of a client.

    Args:
        method: None for an answer to the server.
        message_id: None where nothing is asked.
        name: What is called, got or read, for the methods that name something.
    """

    method: str | None
    message_id: str | int | None = None
    name: str | None = None


class RoutingHeaders:
    """Those of a request's headers that say something of its body, or of the answer.

    Args:
        method: Of the request.
        headers: Names in lower case.
    """

    def __init__(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.method = method
        self._values: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            if name in _READ_OF_HEADERS:
                self._values.setdefault(name, []).append(value.strip(b" \t"))

    @property
    def resumes(self) -> bool:
        """Whether what is answered may be to an earlier request: a stream goes on where another one broke."""
        return self.method == "GET" or b"last-event-id" in self._values

    def check_encoding(self) -> None:
        """Raises MessageRefused unless the body is JSON in UTF-8, as far as it says so."""
        types = self._values.get(b"content-type", _NONE)
        is_json = not types or (len(types) == 1 and (types[0] == b"application/json" or _JSON.fullmatch(types[0])))
        if not is_json or b"content-encoding" in self._values:
            raise _refused("the body has to be application/json in UTF-8, and not compressed", _NO_JSON)

    def check(self, message: Message | None) -> None:
        """Raises MessageRefused unless `Mcp-Method` and `Mcp-Name`, where they are sent, say what the body says.

        None stands for a batch, which has neither.
        """
        if self._values.keys().isdisjoint(_REPEATED):
            return
        self._check(b"mcp-method", message.method if message else None, message)
        if message is None or message.name is not None:
            self._check(b"mcp-name", message.name if message else None, message)

    def _check(self, header: bytes, value: str | None, message: Message | None) -> None:
        sent = self._values.get(header, _NONE)
        if sent and (len(sent) > 1 or value is None or _decoded(header, sent[0]) != value):
            told = f"{header.decode()} is not what the body says"
            raise _refused(told, _HEADER_MISMATCH, message.message_id if message else None)


def read_messages(headers: RoutingHeaders, body: bytes) -> list[Message]:
    """The messages of a request: one, or a batch of them (MCP 2025-03-26). Raises MessageRefused."""
    headers.check_encoding()
    try:
        value = read_json(body)
    except NotStrict as error:
        raise _refused("the body is no JSON in UTF-8, or has a member twice", _NO_JSON) from error
    messages = [_message(each) for each in (value if isinstance(value, list) else [value])]
    headers.check(messages[0] if isinstance(value, dict) else None)
    return messages


def _message(value: Any) -> Message:
    if not isinstance(value, dict):
        raise _refused("a message has to be a JSON object")
    _check_members(value, _MEMBERS, _MEMBERS)
    message_id = value.get("id")
    # A client's ids are text and whole numbers; whatever else stands there is nothing to answer with.
    if isinstance(message_id, bool) or not isinstance(message_id, str | int):
        message_id = None
    if "method" not in value:
        return Message(None, message_id)
    method = value["method"]
    if not isinstance(method, str) or not (method in _NAMED_BY or _METHOD.fullmatch(method)):
        raise _refused("method has to be visible ASCII", message_id=message_id)
    if method not in _METHODS and method.lower() in _METHODS:
        raise _refused("method differs from one that exists in case alone", message_id=message_id)
    return Message(method, message_id, _name(method, value.get("params"), message_id))


def _name(method: str, params: Any, message_id: str | int | None) -> str | None:
    if method not in _NAMED_BY:
        return None
    if not isinstance(params, dict):
        raise _refused("params has to be a JSON object", message_id=message_id)
    _check_members(params, _READ_OF_PARAMS, _USUAL_PARAMS)
    name = params.get(_NAMED_BY[method])
    if not isinstance(name, str) or not name or not _is_unicode(name):
        raise _refused(f"params.{_NAMED_BY[method]} has to be text", message_id=message_id)
    if len(name) > _LONGEST_NAME:
        raise _refused(f"params.{_NAMED_BY[method]} is longer than this gateway compares", message_id=message_id)
    return name


def _is_unicode(text: str) -> bool:
    """Not so where there is half of a surrogate pair in it, which JSON can spell and programs read differently."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _check_members(members: Mapping[str, Any], known: frozenset[str], usual: frozenset[str]) -> None:
    """Raises unless nobody could take another member for one of those that count, as decoders do that ignore case.

    Args:
        members: All there are.
        known: Names of those that count.
        usual: Names of which that is known, those of `known` among them.
    """
    if members.keys() <= usual:
        return
    for name in members.keys() - known:
        if not name.isascii() or not name.isprintable() or name.lower() in known:
            raise _refused("a member differs from one that counts in case alone, or is not printable ASCII")


def _decoded(header: bytes, value: bytes) -> str | None:
    """A header's value; None for one that nothing is encoded as (MCP 2026-07-28, Streamable HTTP, Value Encoding)."""
    if not value.isascii():
        return None
    text = value.decode("ascii")
    encoded = _ENCODED.fullmatch(text) if header == b"mcp-name" else None
    if encoded is None:
        return text
    try:
        decoded = base64.b64decode(encoded[1], validate=True)
        return decoded.decode("utf-8") if base64.b64encode(decoded).decode() == encoded[1] else None
    except (binascii.Error, ValueError):
        return None


def _refused(description: str, code: int = _NO_MESSAGE, message_id: str | int | None = None) -> MessageRefused:
    return MessageRefused(InvalidRequest(description), code, message_id)
