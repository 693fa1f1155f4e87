"""Which headers pass, in each direction. What is not named here stays here."""

from collections.abc import Iterable, Mapping

from mcp_gateway.domain.header_names import PASSING, PASSING_PREFIX

RawHeaders = list[tuple[bytes, bytes]]

_REQUEST = frozenset(name.encode() for name in PASSING)
_REQUEST_PREFIX = PASSING_PREFIX.encode()

PASSED_BACK = frozenset(
    {
        b"allow",
        b"cache-control",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-type",
        b"last-modified",
        b"mcp-protocol-version",
        b"mcp-session-id",
        b"retry-after",
        b"vary",
    }
)


def passing(further: Iterable[str]) -> frozenset[bytes]:
    """The names of the client's headers that pass to a server for which `further` ones are listed."""
    return _REQUEST | {name.lower().encode() for name in further}


def to_upstream(
    headers: Iterable[tuple[bytes, bytes]], ours: Mapping[str, str], names: frozenset[bytes] = _REQUEST
) -> RawHeaders:
    """The client's headers that the upstream gets, and then our own, each in place of the client's of that name.

    Whitespace around a value, which is not part of it (RFC 9110 §5.5), is left behind by our HTTP parser and refused by
    our HTTP client.
    """
    own = {name.encode(): value.encode() for name, value in ours.items()}
    passed = [
        (n, v.strip(b" \t")) for n, v in headers if (n in names or n.startswith(_REQUEST_PREFIX)) and n not in own
    ]
    return [*passed, *own.items()]


def to_client(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """The upstream's headers that the client gets, names in lower case.

    `X-Accel-Buffering` asks reverse proxies in front of us not to hold an event stream back.
    """
    passed = [(name.lower(), value) for name, value in headers if name.lower() in PASSED_BACK]
    return [*passed, (b"x-accel-buffering", b"no")]
