"""Which gateway URIs a gateway code may be sent to (RFC 9700 §4.1).

An entry of the list is a URI to be met exactly, or, where `strict_uri_validation` is false, one with wildcards:

- `http://localhost:*`: any port; and any path, since the entry has none
- `http://localhost:*/callback`: any port, this path
- `https://app.example.com/oauth/*`: anything below `/oauth/`

A `*` stands nowhere else: not in a scheme, not in a host, not inside a path. URIs are compared part by part after
strict parsing, so nothing that two programs could read differently is ever equal to anything.
"""

from collections.abc import Iterator, Sequence

from authproxy_common.errors import InvalidRequest
from authproxy_common.frozen import frozen
from authproxy_common.return_address import ReturnAddress, has_answer_parameters
from authproxy_common.uri import HttpURI, MalformedURI, parse_http_uri

_ANY_PORT = ":*"


class BadEntry(ValueError):
    """An entry of the list that means nothing, or something dangerous. The message is for the operator."""


@frozen
class GatewayURIPattern:
    """One entry of the list.

    Args:
        base: The entry without its wildcards.
        any_port: Whether the port was `*`.
        below: Whether `base.path` is what the path begins with, instead of the path.
    """

    base: HttpURI
    any_port: bool = False
    below: bool = False

    @classmethod
    def parse(cls, entry: str, *, strict: bool) -> "GatewayURIPattern":
        """Raises BadEntry."""
        if "*" in entry and strict:
            raise BadEntry("has a `*`, which strict_uri_validation: true does not allow")
        if "*" in entry and "?" in entry:
            raise BadEntry("has a `*` and a query, which do not go together")
        authority, _, path = entry.partition("://")[2].partition("/")
        any_port = authority.endswith(_ANY_PORT)
        below = path == "*" or path.endswith("/*") or (any_port and "/" not in entry.partition("://")[2])
        plain = entry.replace(_ANY_PORT, "", 1) if any_port else entry
        plain = plain[:-1] if plain.endswith("/*") else plain
        if "*" in plain:
            raise BadEntry("has a `*` that stands neither for the whole port nor for the end of the path")
        try:
            return cls(parse_http_uri(plain), any_port, below)
        except MalformedURI as error:
            raise BadEntry(f"is no http or https URI: {error}") from error

    def matches(self, uri: HttpURI) -> bool:
        """Whether `uri` is one that this entry means."""
        base = self.base
        if (uri.scheme, uri.host) != (base.scheme, base.host):
            return False
        if not self.any_port and uri.port != base.port:
            return False
        if self.below:
            return uri.path.startswith(base.path)
        return (uri.path, uri.query) == (base.path, base.query)

    @property
    def is_wild(self) -> bool:
        """Whether it means more than one URI."""
        return self.any_port or self.below

    def overlaps(self, other: "GatewayURIPattern") -> bool:
        """Whether there is a URI that both mean."""
        mine, theirs = self.base, other.base
        if (mine.scheme, mine.host) != (theirs.scheme, theirs.host):
            return False
        if mine.port != theirs.port and not (self.any_port or other.any_port):
            return False
        if self.below and theirs.path.startswith(mine.path):
            return True
        if other.below and mine.path.startswith(theirs.path):
            return True
        return (mine.path, mine.query) == (theirs.path, theirs.query)


@frozen
class GatewayURIs:
    """The list."""

    patterns: tuple[GatewayURIPattern, ...]

    @classmethod
    def from_entries(cls, entries: Sequence[str], *, strict: bool) -> "GatewayURIs":
        """Raises BadEntry at the first entry that has a problem; `entry_problems` finds them all."""
        return cls(tuple(GatewayURIPattern.parse(entry, strict=strict) for entry in entries))

    def admit(self, gateway_uri: str, state: str | None) -> ReturnAddress:
        """The permission to send a browser to `gateway_uri`; raises InvalidRequest when the list does not give it."""
        try:
            uri = parse_http_uri(gateway_uri)
        except MalformedURI as error:
            raise InvalidRequest(f"gateway_uri is malformed: {error}", remedy=_REMEDY) from error
        if has_answer_parameters(uri.query):
            raise InvalidRequest("gateway_uri has a query parameter that belongs to the answer", remedy=_REMEDY)
        if not any(pattern.matches(uri) for pattern in self.patterns):
            raise InvalidRequest("gateway_uri is not in the list of allowed redirect URIs", remedy=_REMEDY)
        return ReturnAddress(gateway_uri, state)

    def has(self, gateway_uri: str) -> bool:
        """Whether the list has this URI; never for one that is malformed."""
        try:
            uri = parse_http_uri(gateway_uri)
        except MalformedURI:
            return False
        return any(pattern.matches(uri) for pattern in self.patterns)


def entry_problems(entries: Sequence[str], *, strict: bool, development: bool) -> Iterator[tuple[int, str]]:
    """What is wrong with entries of the list, by their index."""
    for index, entry in enumerate(entries):
        try:
            pattern = GatewayURIPattern.parse(entry, strict=strict)
        except BadEntry as error:
            yield index, str(error)
            continue
        if pattern.base.scheme == "http" and not (pattern.base.is_loopback or development):
            yield index, "must be https:// unless it is a loopback address or development_mode is true"


_REMEDY = "Tell whoever runs the application that sent you here; its address must be registered with this service."
