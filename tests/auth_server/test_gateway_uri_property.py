"""Whatever is admitted by a list without wildcards is one of its entries, letter by letter."""

import contextlib
import re
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auth_server.domain.gateway_uris import GatewayURIs
from authproxy_common.errors import InvalidRequest

ENTRIES = [
    "https://app.test/oauth/callback",
    "https://app.test:8443/cb?tenant=1",
    "http://localhost:8090/oauth/callback",
    "http://127.0.0.1/cb",
    "https://bare.test",
]
_TROUBLE = string.ascii_letters + string.digits + "/:?#@%\\.;&=*+[]~-_ \t\n\r\0" + "ä\uff41\u3002\u017f\u200b"
_FRAGMENTS = [":443", ":80", "//", "/..", "/./", "%2e", "%2F", "%00", "@evil.test", ".evil.test", "\\", "?", "#", "::1"]
_PARTS = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_DEFAULT_PORT = {"http": ":80", "https": ":443"}


@st.composite
def near_entries(draw: st.DrawFn) -> str:
    """An entry with an edit or two, most of them where its parts meet: a piece for a piece, or letters swapped."""
    text = draw(st.sampled_from(ENTRIES))
    for _ in range(draw(st.integers(1, 2))):
        seams = [0, len(text), *(at for found in re.finditer(r"[:/?.]", text) for at in found.span())]
        begin = draw(st.sampled_from(seams) | st.integers(0, len(text)))
        end = min(begin + draw(st.integers(0, 3)), len(text))
        piece = draw(st.sampled_from(_FRAGMENTS) | st.text(_TROUBLE, max_size=2) | st.just(text[begin:end].swapcase()))
        text = text[:begin] + piece + text[end:]
    return text


def normalised(uri: str) -> str:
    """Scheme and host in lower case, no default port, and the path that no path means; else as written."""
    found = _PARTS.fullmatch(uri)
    assert found, "no URI"
    scheme, authority, rest = found["scheme"].lower(), found["authority"].lower(), found["rest"]
    return f"{scheme}://{authority.removesuffix(_DEFAULT_PORT[scheme])}{'' if rest.startswith('/') else '/'}{rest}"


@pytest.mark.requirement("BR-03")
@settings(max_examples=1000, derandomize=True, database=None, deadline=None)
@given(near_entries())
@example("HTTPS://APP.test:443/oauth/callback")
@example("https://app.test/oauth/callback?")
@example("https://bare.test?")
def test_whatever_a_strict_list_admits_is_an_entry_letter_by_letter(uri: str) -> None:
    with contextlib.suppress(InvalidRequest):
        GatewayURIs.from_entries(ENTRIES, strict=True).admit(uri, None)
        assert normalised(uri) in {normalised(entry) for entry in ENTRIES}
