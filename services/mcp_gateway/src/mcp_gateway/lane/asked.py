"""What a call asks, by its headers, where nothing about them is unusual."""

import re
from collections.abc import Collection
from typing import NamedTuple

from mcp_gateway.domain.header_names import PASSING_PREFIX
from mcp_gateway.proxy.headers import RawHeaders

_AUTHORIZATION, _HOST, _REQUEST_ID = b"authorization", b"host", b"x-request-id"
_READ = frozenset({_AUTHORIZATION, _HOST, _REQUEST_ID})
# Pages call with an origin, and bodies come in chunks: seldom, and then the application looks at it.
_UNUSUAL = frozenset({b"origin", b"transfer-encoding", b"upgrade", b"expect"})
_PARAMETER = PASSING_PREFIX.encode()
_BEARER = b"Bearer "
# As `RequestId` takes them.
_WELL_FORMED = re.compile(rb"[A-Za-z0-9_-]{8,64}")


class Asked(NamedTuple):
    """One call.

    Args:
        token: What its only bearer token is.
        request_id: That it brings; empty where it brings none, or one that is not well-formed.
        passed: Its headers that the upstream gets.
    """

    token: bytes
    request_id: bytes
    passed: RawHeaders


def asked(headers: RawHeaders, hosts: Collection[bytes], passing: Collection[bytes]) -> Asked | None:
    """The call, or None where somebody has to look at it more closely.

    Args:
        headers: Names in lower case.
        hosts: Names that are ours.
        passing: Names of the headers that the upstream gets.
    """
    read: dict[bytes, bytes] = {}
    passed: RawHeaders = []
    for name, value in headers:
        if name in _UNUSUAL or name in read:
            return None
        if name in _READ:
            read[name] = value
        if name in passing or name.startswith(_PARAMETER):
            passed.append((name, value.strip(b" \t")))
    authorization = read.get(_AUTHORIZATION, b"")
    if read.get(_HOST) not in hosts or not authorization.startswith(_BEARER):
        return None
    request_id = read.get(_REQUEST_ID, b"")
    if not _WELL_FORMED.fullmatch(request_id):
        request_id = b""
    return Asked(authorization[len(_BEARER) :].strip(), request_id, passed)
