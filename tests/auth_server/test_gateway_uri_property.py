"""The rule for gateway URIs in other words, and whatever hypothesis can think of put to both.

The rule, stated without the parser under test: letters that may stand in a URI, no half escapes, a path whose segments
are no dots however they are spelled, hide no separator and begin with one slash, a query that has something in it and
nothing of an answer; and in front of that, scheme, host and port of an entry, in any case, the default port or none.
"""

import re
import string
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auth_server.domain.gateway_uris import GatewayURIs
from authproxy_common.errors import InvalidRequest

EXACT = [
    "https://app.test/oauth/callback",
    "https://app.test:8443/cb?tenant=1",
    "http://localhost:8090/oauth/callback",
    "http://127.0.0.1/cb",
    "http://[::1]:8090/cb",
    "https://bare.test",
]
# What stands in front of the path, for which ports, and what the path begins with; a whole path where it has no star.
WIDE = {
    "http://localhost:*": ("http://localhost", None, "/*"),
    "http://127.0.0.1:*/callback": ("http://127.0.0.1", None, "/callback"),
    "https://app.test/oauth/*": ("https://app.test", 443, "/oauth/*"),
    "https://both.test:*/in/*": ("https://both.test", None, "/in/*"),
    "http://[::1]:8090/*": ("http://[::1]", 8090, "/*"),
}
MET = ["http://localhost:1/x", "http://127.0.0.1:33418/callback", "https://app.test/oauth/a/b?c=d"]
MET += ["https://both.test:8443/in/x;y=z", "http://localhost", "http://[::1]:8090/x"]

_TROUBLE = string.ascii_letters + string.digits + "/:?#@%\\.;&=*+[]~-_ \t\n\r\0" + "ä\uff41\u3002\u017f\u200b\u212a"
_FRAGMENTS = [":443", ":80", "//", "/..", "/./", "%2e", "%2F", "%5c", "%25", "%00", "@evil.test", ".evil.test", "\\"]
_FRAGMENTS += [
    "?",
    "#",
    "::1",
    "/.",
    "..",
    ";",
    "%2e%2E",
    "/..;x",
    "?code=x",
    "&state=",
    ";iss=x",
    "?x=%00",
    "&c%6fde[]=1",
]

_LEGAL = set(string.ascii_letters + string.digits + "._~:/?@!$&'()*+,;=%-")
_ANSWER = set("code state iss error error_description error_uri response session_state id_token access_token".split())
_DEFAULT_PORTS = {"http": 80, "https": 443}


def near(uris: list[str]) -> st.SearchStrategy[str]:
    """One of `uris` with an edit or two, most of them where its parts meet: a piece for a piece, or letters swapped."""

    @st.composite
    def edited(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(uris))
        for _ in range(draw(st.integers(0, 3))):
            seams = [0, len(text), *(at for found in re.finditer(r"[:/?.]", text) for at in found.span())]
            begin = draw(st.sampled_from(seams) | st.integers(0, len(text)))
            end = min(begin + draw(st.integers(0, 3)), len(text))
            piece = draw(
                st.sampled_from(_FRAGMENTS) | st.text(_TROUBLE, max_size=2) | st.just(text[begin:end].swapcase())
            )
            text = text[:begin] + piece + text[end:]
        return text

    return edited()


def is_admitted(entries: list[str], uri: str, *, strict: bool) -> bool:
    """What the code under test says."""
    try:
        return GatewayURIs.from_entries(entries, strict=strict).admit(uri, None).uri == uri
    except InvalidRequest:
        return False


def taken_apart(uri: str) -> tuple[str, int, str, str] | None:
    """What stands in front of the port, the port, path and query; None for what no rule admits."""
    found = re.fullmatch(
        r"(?i:(https?))://([^/?:\[]+|\[[^\]/?]*\])(?::([1-9][0-9]{0,4}))?(/[^?]*)?(\?.+)?", uri, re.DOTALL
    )
    if found is None or len(uri) > 2048:
        return None
    scheme, host, port = found[1].lower(), found[2], int(found[3] or _DEFAULT_PORTS[found[1].lower()])
    path, query = found[4] or "/", (found[5] or "?")[1:]
    if port > 65535 or not host.isascii() or not is_safe_path(path) or not is_safe_query(query):
        return None
    return f"{scheme}://{host.lower()}", port, path, query


def is_safe_path(path: str) -> bool:
    segments = path.split("/")[1:]
    names = [unquote(segment.partition(";")[0]) for segment in segments]
    hidden = any(hidden in {"/", "\\", "%", "\0"} for hidden in escaped(path))
    return (
        set(path) <= _LEGAL
        and has_whole_escapes(path)
        and not hidden
        and not {".", ".."} & set(names)
        and not (len(segments) > 1 and segments[0] == "")
    )


def is_safe_query(query: str) -> bool:
    names = [unquote_plus(pair.partition("=")[0]) for pair in re.split("[&;]", query)]
    own = {name.strip().lower().partition("[")[0] for name in names}
    return set(query) <= _LEGAL and has_whole_escapes(query) and "\0" not in escaped(query) and not own & _ANSWER


def has_whole_escapes(text: str) -> bool:
    return text.count("%") == len(re.findall(r"%[0-9A-Fa-f]{2}", text))


def escaped(text: str) -> list[str]:
    """The characters that are written as escapes."""
    return [chr(int(digits, 16)) for digits in re.findall(r"%([0-9A-Fa-f]{2})", text)]


def meant_by(wide: dict[str, tuple[str, int | None, str]], uri: str) -> Iterator[bool]:
    """For each entry with wildcards, whether it means `uri`."""
    parts = taken_apart(uri)
    for front, port, path in wide.values():
        if parts is None:
            yield False
            continue
        any_path = path.endswith("*")
        fits = parts[2].startswith(path[:-1]) if any_path else (parts[2], parts[3]) == (path, "")
        yield parts[0] == front and port in {None, parts[1]} and fits


@pytest.mark.requirement("BR-03")
@settings(max_examples=2000, derandomize=True, database=None, deadline=None)
@given(near(EXACT))
@example("HTTPS://APP.test:443/oauth/callback")
@example("https://app.test/oauth/callback?")
@example("https://bare.test?")
@example("https://bare.test/")
def test_a_list_without_wildcards_admits_its_entries_letter_by_letter_and_nothing_else(uri: str) -> None:
    stated = taken_apart(uri) in [taken_apart(entry) for entry in EXACT]

    assert is_admitted(EXACT, uri, strict=True) is stated
    assert is_admitted(EXACT, uri, strict=False) is stated


@pytest.mark.requirement("BR-03")
@settings(max_examples=4000, derandomize=True, database=None, deadline=None)
@given(near(MET))
@example("http://localhost:1/..;x/y")
@example("https://app.test/oauth/%2e%2E")
@example("https://app.test/oauth/x?a=b;code=c")
@example("http://LOCALHOST?x")
def test_wildcards_admit_what_the_rule_says_and_nothing_else(uri: str) -> None:
    assert is_admitted(list(WIDE), uri, strict=False) is any(meant_by(WIDE, uri))
