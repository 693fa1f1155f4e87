"""Redirect URIs of clients (OAuth 2.1 §2.3, RFC 8252 §7): https, loopback http, private-use schemes; nothing else."""

import re

from authproxy_common.errors import InvalidRedirectUri
from authproxy_common.return_address import has_answer_parameters
from authproxy_common.uri import MalformedURI, check_legal, parse_http_uri

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
# A private-use scheme is whatever an application registered with its system. These belong to browsers, where they
# run script or read files, or to other protocols, where a code would travel who knows how.
_NOT_PRIVATE = frozenset(
    "about blob chrome chrome-extension data devtools edge feed file filesystem ftp ftps git http https intent jar "
    "javascript ldap ldaps livescript mailto mhtml microsoft-edge mocha moz-extension nfs res resource search "
    "search-ms sftp shell sip sips sms smb ssh tel telnet vbscript view-source ws wss wyciwyg".split()
)
_SYSTEM_PREFIXES = ("ms-", "microsoft.", "x-apple", "itms")


def check_redirect_uri(redirect_uri: str) -> None:
    """Raises InvalidRedirectUri unless a client may register this redirect URI."""
    if has_answer_parameters(redirect_uri.partition("?")[2]):
        raise InvalidRedirectUri("a redirect URI has a query parameter that belongs to the answer")
    try:
        check_legal(redirect_uri)
        scheme = _scheme(redirect_uri)
        if scheme not in {"http", "https"}:
            _check_private_use(scheme, redirect_uri)
        elif not parse_http_uri(redirect_uri).is_loopback and scheme == "http":
            raise InvalidRedirectUri("a redirect URI on http must be on localhost, 127.0.0.1 or [::1]")
    except MalformedURI as error:
        raise InvalidRedirectUri(f"a redirect URI is malformed: {error}") from error


def is_loopback(redirect_uri: str) -> bool:
    """Whether the browser would be sent to a program on its own machine."""
    return _scheme(redirect_uri) == "http" and parse_http_uri(redirect_uri).is_loopback


def is_web(redirect_uri: str) -> bool:
    """Whether a web server is meant, reached by https and not on the person's own computer."""
    return _scheme(redirect_uri) == "https" and not parse_http_uri(redirect_uri).is_loopback


def host_or_scheme(redirect_uri: str) -> str:
    """What an operator's list and a remembered consent go by: the host, or `scheme:` where there is none."""
    scheme = _scheme(redirect_uri)
    return parse_http_uri(redirect_uri).host if scheme in {"http", "https"} else f"{scheme}:"


def matches(registered: str, requested: str) -> bool:
    """Whether `requested` is the registered URI; on loopback it may differ in the port (RFC 8252 §7.3)."""
    if registered == requested:
        return True
    try:
        check_redirect_uri(requested)
        if not (is_loopback(registered) and is_loopback(requested)):
            return False
        ours, theirs = parse_http_uri(registered), parse_http_uri(requested)
    except (MalformedURI, InvalidRedirectUri):
        return False
    return (ours.host, ours.path, ours.query) == (theirs.host, theirs.path, theirs.query)


def destination(redirect_uri: str) -> str:
    """Where a code sent there ends up, in words for a consent page."""
    scheme = _scheme(redirect_uri)
    if scheme not in {"http", "https"}:
        return f"the application on this computer that opens {scheme}: links"
    uri = parse_http_uri(redirect_uri)
    return f"a program on this computer ({uri.host})" if uri.is_loopback else uri.origin.partition("://")[2]


def _scheme(uri: str) -> str:
    found = _SCHEME.match(uri)
    if found is None:
        raise MalformedURI("it has no scheme")
    return found[1].lower()


def _check_private_use(scheme: str, redirect_uri: str) -> None:
    if scheme in _NOT_PRIVATE or scheme.startswith(_SYSTEM_PREFIXES):
        raise InvalidRedirectUri(f"a redirect URI must not have the scheme {scheme}")
    if "@" in redirect_uri.partition("?")[0] or len(redirect_uri) == len(scheme) + 1:
        raise InvalidRedirectUri("a redirect URI has user information, or nothing after its scheme")
