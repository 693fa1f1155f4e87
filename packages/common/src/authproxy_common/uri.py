"""URIs taken apart strictly, so that two programs never read the same one differently (RFC 3986, RFC 9700 §4.1)."""

import ipaddress
import re
from dataclasses import field
from urllib.parse import urlsplit

from authproxy_common.frozen import frozen

DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

_MAX_LENGTH = 2048
# What RFC 3986 allows in a URI; a fragment's `#` and a backslash are not among it.
_LEGAL = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\]")
# Some servers take `..;x` for `..`, and some decode twice.
_DOT_SEGMENT = re.compile(r"/(\.|%(25)*2e){1,2}(;[^/]*)?(/|$)", re.IGNORECASE)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_HIDDEN_SEPARATOR = re.compile(r"%(2f|5c|25)", re.IGNORECASE)
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")


class MalformedURI(ValueError):
    """A URI that must not be compared, let alone followed. The message says why, without repeating it."""


@frozen
class HttpURI:
    """An absolute http or https URI, in parts that compare part by part.

    Args:
        scheme: `http` or `https`.
        host: Lower case; an IPv6 address in brackets.
        port: Always a number; the scheme's own where the URI names none.
        path: As written, `/` where the URI has none.
        query: As written, without its `?`.
        text: The whole as it was written.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str
    text: str = field(compare=False, default="")

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine (RFC 8252 §7.3), `localhost` included."""
        return self.host in LOOPBACK_HOSTS

    @property
    def origin(self) -> str:
        """Scheme and authority, the port left out where it is the scheme's own (RFC 6454)."""
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def parse_http_uri(text: str) -> HttpURI:
    """Take `text` apart; raises MalformedURI for anything that readers could disagree about."""
    check_legal(text)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise MalformedURI("it cannot be read as a URI") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise MalformedURI("it is neither http nor https")
    if "?" in text and not parts.query:
        raise MalformedURI("it has an empty query")
    host, port = _authority(parts.netloc, DEFAULT_PORTS[parts.scheme])
    if _DOT_SEGMENT.search(parts.path) or parts.path.startswith("//"):
        raise MalformedURI("its path has dot segments or begins with two slashes")
    if _HIDDEN_SEPARATOR.search(parts.path):
        raise MalformedURI("its path has a percent-encoded slash, backslash or percent sign")
    if "[" in parts.path + parts.query or "]" in parts.path + parts.query:
        raise MalformedURI("it has brackets outside the host")
    return HttpURI(parts.scheme, host, port, parts.path or "/", parts.query, text)


def check_legal(text: str) -> None:
    """Raises MalformedURI unless every character of `text` may stand in a URI without a fragment."""
    if len(text) > _MAX_LENGTH:
        raise MalformedURI(f"it is longer than {_MAX_LENGTH} characters")
    if "#" in text:
        raise MalformedURI("it has a fragment")
    if "\\" in text:
        raise MalformedURI("it has a backslash")
    if not _LEGAL.fullmatch(text):
        raise MalformedURI("it has characters that may not stand in a URI")
    if _BAD_ESCAPE.search(text):
        raise MalformedURI("it has a percent-encoded NUL or a broken escape")


def _authority(netloc: str, default_port: int) -> tuple[str, int]:
    if "@" in netloc:
        raise MalformedURI("it has user information")
    host, colon, port = netloc.partition(":") if not netloc.startswith("[") else _bracketed(netloc)
    host = host.lower()
    if not _HOST.fullmatch(host):
        raise MalformedURI("its host is missing or malformed")
    if _NUMERIC.fullmatch(host.rpartition(".")[2]) and not _is_ipv4(host):
        raise MalformedURI("its host is a number, or an IPv4 address in an unusual form")
    if not colon:
        return host, default_port
    if not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise MalformedURI("its port is not a number between 1 and 65535")
    return host, int(port)


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _bracketed(netloc: str) -> tuple[str, str, str]:
    host, bracket, rest = netloc.partition("]")
    if rest and not rest.startswith(":"):
        raise MalformedURI("its host is missing or malformed")
    return host + bracket, rest[:1], rest[1:]
