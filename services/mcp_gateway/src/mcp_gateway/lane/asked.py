"""What a call asks, by its header fields, where nothing about them is unusual.

Clients say the same in every call, but for a few fields that are each call's own (HPACK, RFC 7541, lives by that). What
was made of the others once is good for the calls that follow.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from mcp_gateway.proxy.headers import RawHeaders, to_upstream
from mcp_gateway.proxy.messages import RoutingHeaders
from mcp_gateway.proxy.upstream_http.writing import RequestWriter
from mcp_gateway.proxy.upstreams import Upstream

# Fields that repeat, behind the method, which is put as HTTP/2 puts it (RFC 9113 §8.3.1).
Repeated: TypeAlias = tuple[tuple[bytes, bytes], ...]

_METHOD, _AUTHORIZATION, _HOST = b":method", b"authorization", b"host"
_REQUEST_ID, _LENGTH = b"x-request-id", b"content-length"
_TRACES = (b"traceparent", b"tracestate")
# Pages call with an origin, and bodies come in chunks: seldom, and then the application looks at it.
_UNUSUAL = frozenset({b"origin", b"transfer-encoding", b"upgrade", b"expect"})
_BEARER = b"Bearer "
# As `RequestId` takes them.
_WELL_FORMED = re.compile(rb"[A-Za-z0-9_-]{8,64}")


class Fields(NamedTuple):
    """Those of one call.

    Args:
        repeated: That its client sends again and again.
        request_id: That it brings; empty where it brings none, or one that is not well-formed.
        traces: What it says of the trace that it belongs to.
    """

    repeated: Repeated
    request_id: bytes
    traces: RawHeaders


def fields_of(method: bytes, headers: RawHeaders) -> Fields | None:
    """What repeats, apart from what does not; None where a field is there twice. Names are in lower case."""
    fields = dict(headers)
    if len(fields) != len(headers):
        return None
    fields.pop(_LENGTH, None)
    request_id = fields.pop(_REQUEST_ID, b"")
    if request_id and not _WELL_FORMED.fullmatch(request_id):
        request_id = b""
    traces = [(name, fields.pop(name).strip(b" \t")) for name in _TRACES if name in fields]
    return Fields(((_METHOD, method), *fields.items()), request_id, traces)


@dataclass(slots=True)
class Asked:
    """What calls with the same fields ask.

    Args:
        key: The digest of their bearer token.
        method: Theirs.
        fields: All of them.
        routing: Those that say something of the message.
    """

    key: str
    method: str
    fields: RawHeaders = field(repr=False)
    routing: RoutingHeaders
    _told: Mapping[str, str] | None = field(default=None, repr=False)
    _head: bytes = field(default=b"", repr=False)

    def head(self, upstream: Upstream, told: Mapping[str, str], writer: RequestWriter) -> bytes:
        """The head of their requests; `told` is what the upstream is told of the caller. See `RequestWriter.head`."""
        if told is not self._told:
            ours = {**told, **upstream.rules.headers} if upstream.rules else told
            headers = to_upstream(self.fields, ours, upstream.passing)
            self._head, self._told = writer.head(self.method, "", headers), told
        return self._head


def asked(repeated: Repeated, hosts: Collection[bytes]) -> Asked | None:
    """What is asked with these fields, or None where somebody has to look at it more closely.

    Args:
        repeated: The method, and the fields.
        hosts: Names that are ours.
    """
    fields = dict(repeated)
    method = fields.pop(_METHOD).decode()
    authorization = fields.get(_AUTHORIZATION, b"")
    if fields.keys() & _UNUSUAL or fields.get(_HOST) not in hosts or not authorization.startswith(_BEARER):
        return None
    key = hashlib.sha256(authorization[len(_BEARER) :].strip()).hexdigest()
    return Asked(key, method, [*fields.items()], RoutingHeaders(method, fields.items()))


class Known:
    """What was asked before, for the calls that ask it again. Only those of callers who were let in are kept.

    Args:
        most: How many; the oldest is forgotten first.
        longest: Fields that are longer together are not kept, in bytes.
    """

    def __init__(self, most: int = 1024, longest: int = 8192) -> None:
        self._most, self._longest = most, longest
        self._kept: dict[Repeated, Asked] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, repeated: Repeated) -> Asked | None:
        """What they ask, if it is known."""
        return self._kept.get(repeated)

    def keep(self, repeated: Repeated, what: Asked) -> None:
        """They ask this."""
        if sum(len(name) + len(value) for name, value in repeated) <= self._longest:
            self._kept[repeated] = what
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
