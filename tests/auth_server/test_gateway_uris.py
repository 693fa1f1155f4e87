"""Where a gateway code may be sent to: what the list admits, and everything that only looks like it."""

import pytest

from auth_server.domain.gateway_uris import BadEntry, GatewayURIs, entry_problems
from authproxy_common.errors import InvalidRequest
from authproxy_common.return_address import ReturnAddress

pytestmark = pytest.mark.requirement("BR-03")

EXACT = [
    "https://app.test/oauth/callback",
    "https://app.test:8443/cb?tenant=1",
    "http://localhost:8090/oauth/callback",
    "http://[::1]:8090/cb",
    "https://bare.test",
]
WIDE = [
    "http://localhost:*",
    "http://127.0.0.1:*/callback",
    "https://app.test/oauth/*",
    "https://every.test/*",
    "https://both.test:*/in/*",
    "https://exact.test/cb",
]


def admit(entries: list[str], uri: str, *, strict: bool) -> ReturnAddress:
    return GatewayURIs.from_entries(entries, strict=strict).admit(uri, "a state")


def check_refused(entries: list[str], uri: str, *, strict: bool) -> None:
    """No permission, and the refusal does not repeat what was asked."""
    with pytest.raises(InvalidRequest) as caught:
        admit(entries, uri, strict=strict)
    assert (caught.value.code, caught.value.status) == ("invalid_request", 400)
    assert "test" not in caught.value.description


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("https://app.test/oauth/callback", id="the entry itself"),
        pytest.param("https://app.test:443/oauth/callback", id="default port written out"),
        pytest.param("https://APP.Test/oauth/callback", id="host in capitals"),
        pytest.param("HTTPS://app.test/oauth/callback", id="scheme in capitals"),
        pytest.param("https://app.test:8443/cb?tenant=1", id="with port and query"),
        pytest.param("http://localhost:8090/oauth/callback", id="loopback by name"),
        pytest.param("http://[::1]:8090/cb", id="loopback in IPv6"),
        pytest.param("https://bare.test", id="no path"),
        pytest.param("https://bare.test/", id="the path that no path means"),
    ],
)
def test_an_entry_without_wildcards_admits_itself(uri: str, strict: bool) -> None:
    assert admit(EXACT, uri, strict=strict) == ReturnAddress(uri, "a state")


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("http://app.test/oauth/callback", id="other scheme"),
        pytest.param("https://app.test/oauth/Callback", id="path in another case"),
        pytest.param("https://app.test/oauth/callback/", id="slash at the end"),
        pytest.param("https://app.test/oauth/callback2", id="longer path"),
        pytest.param("https://app.test/oauth", id="shorter path"),
        pytest.param("https://app.test/oauth/callbac%6b", id="path encoded differently"),
        pytest.param("https://app.test/oauth//callback", id="two slashes"),
        pytest.param("https://app.test//oauth/callback", id="two slashes at first"),
        pytest.param("https://app.test/oauth/callback?", id="empty query"),
        pytest.param("https://app.test/oauth/callback?x=1", id="further query"),
        pytest.param("https://app.test/oauth/callback;x=1", id="path parameter"),
        pytest.param("https://app.test:8443/cb?tenant=2", id="other query"),
        pytest.param("https://app.test:8443/cb", id="query left out"),
        pytest.param("https://app.test:8443/cb?tenant=1&x=1", id="longer query"),
        pytest.param("https://app.test:444/oauth/callback", id="other port"),
        pytest.param("https://app.test:80/oauth/callback", id="other scheme's port"),
        pytest.param("https://app.test:0443/oauth/callback", id="port with a zero in front"),
        pytest.param("https://app.test:/oauth/callback", id="empty port"),
        pytest.param("https://app.test:65979/oauth/callback", id="port that wraps around to 443"),
        pytest.param("https://app.test:+443/oauth/callback", id="port with a sign"),
        pytest.param("https://app.test.evil.test/oauth/callback", id="host continued"),
        pytest.param("https://evil-app.test/oauth/callback", id="host with a prefix"),
        pytest.param("https://evil.app.test/oauth/callback", id="subdomain"),
        pytest.param("https://app.test./oauth/callback", id="host with the root's dot"),
        pytest.param("https://app.test@evil.test/oauth/callback", id="host as user information"),
        pytest.param("https://evil.test@app.test/oauth/callback", id="user information"),
        pytest.param("https://@app.test/oauth/callback", id="empty user information"),
        pytest.param("https://app.test%2eevil.test/oauth/callback", id="encoded dot in the host"),
        pytest.param("https://app.test%00.evil.test/oauth/callback", id="encoded NUL in the host"),
        pytest.param("https://\uff41pp.test/oauth/callback", id="letter that normalises to ASCII"),
        pytest.param("https://app\u3002test/oauth/callback", id="ideographic full stop"),
        pytest.param("https://evil.test\\@app.test/oauth/callback", id="backslash in the authority"),
        pytest.param("https:\\\\app.test\\oauth\\callback", id="backslashes for slashes"),
        pytest.param("https:/app.test/oauth/callback", id="one slash"),
        pytest.param("https:app.test/oauth/callback", id="no slashes"),
        pytest.param("https:///app.test/oauth/callback", id="three slashes"),
        pytest.param("//app.test/oauth/callback", id="no scheme"),
        pytest.param("/oauth/callback", id="path alone"),
        pytest.param("app.test/oauth/callback", id="neither scheme nor slashes"),
        pytest.param("https://", id="scheme alone"),
        pytest.param("", id="nothing"),
        pytest.param("javascript://app.test/oauth/callback%0aalert(1)", id="script"),
        pytest.param("data:text/html,https://app.test/oauth/callback", id="data"),
        pytest.param("ftp://app.test/oauth/callback", id="neither http nor https"),
        pytest.param("https://app.test/oauth/callback#", id="empty fragment"),
        pytest.param("https://app.test/oauth/callback#x", id="fragment"),
        pytest.param("https://app.test/oauth/x/../callback", id="dot segments"),
        pytest.param("https://app.test/oauth/%2E%2e/oauth/callback", id="encoded dot segments"),
        pytest.param("https://app.test/./oauth/callback", id="single dot"),
        pytest.param("https://app.test/oauth%2fcallback", id="encoded slash"),
        pytest.param("https://app.test/oauth%5Ccallback", id="encoded backslash"),
        pytest.param("https://app.test/oauth/callback%00", id="encoded NUL"),
        pytest.param("https://app.test/oauth/callback%", id="broken escape"),
        pytest.param("https://app.test/oauth/callback%zz", id="escape of no digits"),
        pytest.param(" https://app.test/oauth/callback", id="space in front"),
        pytest.param("https://app.test/oauth/callback ", id="space behind"),
        pytest.param("https://app.test/oauth/callback\n", id="line end behind"),
        pytest.param("https://app.test/oauth/\tcallback", id="tab inside"),
        pytest.param("https://app.test/oauth/callback\r\nSet-Cookie:a=b", id="header injection"),
        pytest.param("https://app.test/oauth/callback?code=stolen", id="code in the query"),
        pytest.param("https://app.test/oauth/callback?%63ode=stolen", id="code in the query, encoded"),
        pytest.param("http://127.0.0.1:8090/oauth/callback", id="other name of the same machine"),
        pytest.param("http://[0:0:0:0:0:0:0:1]:8090/cb", id="IPv6 written out"),
        pytest.param("http://[::1%25eth0]:8090/cb", id="IPv6 with a zone"),
        pytest.param("http://[::1]x:8090/cb", id="text behind the brackets"),
        pytest.param("http://[::1:8090/cb", id="bracket left open"),
        pytest.param("https://app.test/oauth/callback" + "x" * 2048, id="endless"),
    ],
)
def test_an_entry_without_wildcards_admits_nothing_else(uri: str, strict: bool) -> None:
    check_refused(EXACT, uri, strict=strict)


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("http://localhost:1", id="any port"),
        pytest.param("http://localhost:65535/", id="the last port"),
        pytest.param("http://localhost/any/path?and=query", id="the default port, any path"),
        pytest.param("http://127.0.0.1:33418/callback", id="any port, this path"),
        pytest.param("https://app.test/oauth/", id="the path itself"),
        pytest.param("https://app.test/oauth/a/b?c=d", id="below the path"),
        pytest.param("https://every.test", id="every path, none"),
        pytest.param("https://every.test/x", id="every path, one"),
        pytest.param("https://both.test:8443/in/x", id="any port, below the path"),
        pytest.param("https://exact.test/cb", id="exact entry among wildcards"),
    ],
)
def test_a_wildcard_stands_for_a_port_or_the_end_of_a_path(uri: str) -> None:
    assert admit(WIDE, uri, strict=False) == ReturnAddress(uri, "a state")


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("https://localhost:1/", id="other scheme"),
        pytest.param("http://localhost:0/", id="port 0"),
        pytest.param("http://localhost:65536/", id="port too high"),
        pytest.param("http://localhost:*/", id="the wildcard itself"),
        pytest.param("http://localhost:1@evil.test/", id="port as a password"),
        pytest.param("http://localhost.evil.test:1/", id="host continued"),
        pytest.param("http://localhost:1.evil.test/", id="host continued behind the port"),
        pytest.param("http://127.0.0.1:1/callback/more", id="this path and more"),
        pytest.param("http://127.0.0.1:1/callback?x=1", id="this path with a query"),
        pytest.param("http://127.1:1/callback", id="short form of the address"),
        pytest.param("http://2130706433:1/callback", id="the address as a number"),
        pytest.param("https://app.test/oauth", id="the path without its slash"),
        pytest.param("https://app.test/oauth-evil/x", id="path with a longer segment"),
        pytest.param("https://app.test/OAuth/x", id="path in another case"),
        pytest.param("https://app.test/oauth/../admin", id="out by dot segments"),
        pytest.param("https://app.test/oauth/..", id="out by dots at the end"),
        pytest.param("https://app.test/oauth/%2e%2E/admin", id="out by encoded dots"),
        pytest.param("https://app.test/oauth/.%2e/admin", id="out by half-encoded dots"),
        pytest.param("https://app.test/oauth/..%2fadmin", id="out by an encoded slash"),
        pytest.param("https://app.test/oauth/..\\admin", id="out by a backslash"),
        pytest.param("https://app.test/oauth/..%5cadmin", id="out by an encoded backslash"),
        pytest.param("https://app.test/oauth/..;/admin", id="out by dots with a path parameter"),
        pytest.param("https://app.test/oauth/%252e%252e/admin", id="out by dots encoded twice"),
        pytest.param("https://app.test/oauth/%00", id="encoded NUL below"),
        pytest.param("https://app.test/oauth/%zz", id="broken escape below"),
        pytest.param("https://app.test/oauth/" + "x" * 2048, id="endless below"),
        pytest.param("https://every.test//evil.test", id="two slashes at first"),
        pytest.param("https://app.test:8443/oauth/x", id="other port"),
        pytest.param("https://app.test/oauth/x?state=forged", id="state in the query"),
        pytest.param("https://app.test/oauth/x?a=b&iss=", id="iss in the query, empty"),
        pytest.param("https://app.test/oauth/x?a=b;code=stolen", id="code behind a semicolon"),
        pytest.param("https://both.test:8443/out/x", id="any port, beside the path"),
        pytest.param("https://exact.test/cb/x", id="below an exact entry"),
    ],
)
def test_a_wildcard_stands_for_nothing_more(uri: str) -> None:
    check_refused(WIDE, uri, strict=False)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("*", id="anything"),
        pytest.param("https://*", id="any host"),
        pytest.param("https://*/cb", id="any host, this path"),
        pytest.param("https://*.app.test/cb", id="any subdomain"),
        pytest.param("https://app.*/cb", id="any top-level domain"),
        pytest.param("*://app.test/cb", id="any scheme"),
        pytest.param("https://app.test/oauth*", id="end of a segment"),
        pytest.param("https://app.test/*/cb", id="segment in the middle"),
        pytest.param("https://app.test/**", id="two at the end"),
        pytest.param("https://app.test:80*/cb", id="part of a port"),
        pytest.param("https://app.test:*:*/cb", id="two ports"),
        pytest.param("https://app.test/cb?x=*", id="in the query"),
        pytest.param("https://app.test/cb?x=/*", id="in the query, behind a slash"),
        pytest.param("https://app.test/cb#/*", id="in the fragment"),
        pytest.param("https://me:*@app.test/cb", id="as a password"),
        pytest.param("app.test/*", id="no scheme"),
        pytest.param("https://app.test/../*", id="dot segments"),
    ],
)
def test_a_wildcard_anywhere_else_is_a_bad_entry(entry: str) -> None:
    with pytest.raises(BadEntry) as caught:
        GatewayURIs.from_entries([*WIDE, entry], strict=False)
    assert "test" not in str(caught.value)


def test_with_strict_validation_every_wildcard_is_a_bad_entry_named_by_its_index() -> None:
    problems = dict(entry_problems(WIDE, strict=True, development=False))

    assert problems.keys() == {0, 1, 2, 3, 4}
    assert all("strict_uri_validation" in message for message in problems.values())


def test_plain_http_is_for_loopback_and_development_alone() -> None:
    entries = ["http://app.test/cb", "http://localhost:1/cb", "http://127.0.0.1:1/cb", "http://[::1]:1/cb"]

    assert dict(entry_problems(entries, strict=True, development=False)).keys() == {0}
    assert not dict(entry_problems(entries, strict=True, development=True))


def test_an_empty_list_admits_nothing() -> None:
    check_refused([], "https://app.test/oauth/callback", strict=True)
