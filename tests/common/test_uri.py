"""URIs taken apart strictly: what is sound, and what two programs could read differently."""

import pytest

from authproxy_common.uri import HttpURI, MalformedURI, parse_http_uri

pytestmark = pytest.mark.requirement("BR-03", "CL-05")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("https://a.test", HttpURI("https", "a.test", 443, "/", ""), id="host alone"),
        pytest.param("HTTPS://A.Test/Path", HttpURI("https", "a.test", 443, "/Path", ""), id="case of scheme and host"),
        pytest.param("https://a.test:443/", HttpURI("https", "a.test", 443, "/", ""), id="default port written"),
        pytest.param("http://a.test:8080/x?y=z", HttpURI("http", "a.test", 8080, "/x", "y=z"), id="port and query"),
        pytest.param("http://127.0.0.1:1/cb", HttpURI("http", "127.0.0.1", 1, "/cb", ""), id="IPv4"),
        pytest.param("http://[::1]:80/cb", HttpURI("http", "[::1]", 80, "/cb", ""), id="IPv6"),
        pytest.param("https://xn--e1afmkfd.test/", HttpURI("https", "xn--e1afmkfd.test", 443, "/", ""), id="punycode"),
        pytest.param("https://a-b.c1.test/", HttpURI("https", "a-b.c1.test", 443, "/", ""), id="hyphen and digit"),
        pytest.param("https://a.test/%C3%A9", HttpURI("https", "a.test", 443, "/%C3%A9", ""), id="escaped path"),
        pytest.param("https://a.test/..a/b..", HttpURI("https", "a.test", 443, "/..a/b..", ""), id="dots in names"),
        pytest.param("https://a.test/x?y=/../@", HttpURI("https", "a.test", 443, "/x", "y=/../@"), id="free query"),
    ],
)
def test_a_sound_uri_is_taken_apart(text: str, expected: HttpURI) -> None:
    assert parse_http_uri(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("a.test/cb", id="no scheme"),
        pytest.param("//a.test/cb", id="no scheme but slashes"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("data:text/html,x", id="data"),
        pytest.param("ftp://a.test/", id="another scheme"),
        pytest.param("https:a.test", id="no slashes"),
        pytest.param("https:/a.test", id="one slash"),
        pytest.param("https:///a.test", id="three slashes"),
        pytest.param("https://", id="no host"),
        pytest.param("https://:443/", id="port without a host"),
        pytest.param("https://user@a.test/", id="user"),
        pytest.param("https://user:pass@a.test/", id="user and password"),
        pytest.param("https://a.test@b.test/", id="host as user"),
        pytest.param("https://a.test%40b.test/", id="escaped at sign in the host"),
        pytest.param("https://a.test\\@b.test/", id="backslash before the at sign"),
        pytest.param("https://a.test\\.b.test/", id="backslash in the host"),
        pytest.param("https:\\\\a.test/", id="backslashes for slashes"),
        pytest.param("https://a.test/cb#x", id="fragment"),
        pytest.param("https://a.test/cb#", id="empty fragment"),
        pytest.param("https://a.test /cb", id="space"),
        pytest.param(" https://a.test/cb", id="space before"),
        pytest.param("https://a.test/cb\n", id="line feed after"),
        pytest.param("https://a.te\tst/cb", id="tab, which browsers drop"),
        pytest.param("https://a.test/cb\x00", id="NUL"),
        pytest.param("https://a.test/%00", id="escaped NUL"),
        pytest.param("https://a.test/%zz", id="broken escape"),
        pytest.param("https://a.test/%", id="escape broken off"),
        pytest.param("https://\uff41.test/", id="full-width letter"),
        pytest.param("https://a\u3002test/", id="ideographic full stop"),
        pytest.param("https://a.test/\u2025/", id="two-dot leader"),
        pytest.param("https://a.test:\uff18\uff10/", id="full-width digits"),
        pytest.param("https://a.test:/", id="empty port"),
        pytest.param("https://a.test:0/", id="port zero"),
        pytest.param("https://a.test:0443/", id="port with a leading zero"),
        pytest.param("https://a.test:65536/", id="port too high"),
        pytest.param("https://a.test:+443/", id="port with a sign"),
        pytest.param("https://a.test:443:80/", id="two ports"),
        pytest.param("https://a..test/", id="empty label"),
        pytest.param("https://a.test./", id="dot at the end of the host"),
        pytest.param("https://.a.test/", id="dot at the start of the host"),
        pytest.param("https://-a.test/", id="hyphen at the start of a label"),
        pytest.param("https://a_b.test/", id="underscore in the host"),
        pytest.param("https://*.test/", id="wildcard"),
        pytest.param("https://%61.test/", id="escaped host"),
        pytest.param("https://a,b.test/", id="comma in the host"),
        pytest.param("https://2130706433/", id="IPv4 as one number"),
        pytest.param("https://0x7f000001/", id="IPv4 in hex"),
        pytest.param("https://127.1/", id="IPv4 cut short"),
        pytest.param("https://0177.0.0.1/", id="IPv4 in octal"),
        pytest.param("https://[::1/", id="bracket left open"),
        pytest.param("https://::1/", id="IPv6 without brackets"),
        pytest.param("https://[::1]x/", id="text after the bracket"),
        pytest.param("https://[::1%25eth0]/", id="IPv6 zone"),
        pytest.param("https://[v1.a]/", id="future address"),
        pytest.param("https://[127.0.0.1]/", id="IPv4 in brackets"),
        pytest.param("https://a.test/../cb", id="dot segment"),
        pytest.param("https://a.test/x/..", id="dot segment at the end"),
        pytest.param("https://a.test/./cb", id="single dot segment"),
        pytest.param("https://a.test/%2e%2E/cb", id="escaped dot segment"),
        pytest.param("https://a.test/.%2e/cb", id="half-escaped dot segment"),
        pytest.param("https://a.test//b.test/cb", id="two slashes before the path"),
        pytest.param("https://a.test/x%2fy", id="escaped slash"),
        pytest.param("https://a.test/x%5Cy", id="escaped backslash"),
        pytest.param("https://a.test/[x]", id="brackets in the path"),
        pytest.param("https://a.test/?x[]=y", id="brackets in the query"),
        pytest.param("https://a.test/<x>", id="angle brackets"),
        pytest.param('https://a.test/"x', id="quotation mark"),
        pytest.param("https://a.test/" + "x" * 2034, id="too long"),
    ],
)
def test_a_uri_that_readers_could_disagree_about_is_refused(text: str) -> None:
    with pytest.raises(MalformedURI):
        parse_http_uri(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("https://user@a.test/", "it has user information", id="user"),
        pytest.param("https://a.test\\@b.test/", "it has a backslash", id="backslash"),
        pytest.param("https://a.test/#x", "it has a fragment", id="fragment"),
        pytest.param("https://a.test:0/", "its port is not a number between 1 and 65535", id="port"),
        pytest.param("app:/cb", "it is neither http nor https", id="scheme"),
    ],
)
def test_a_refusal_says_why(text: str, reason: str) -> None:
    with pytest.raises(MalformedURI, match=f"^{reason}$"):
        parse_http_uri(text)


@pytest.mark.requirement("OP-02")
def test_a_refusal_does_not_repeat_the_uri() -> None:
    with pytest.raises(MalformedURI) as caught:
        parse_http_uri("https://user:hunter2@a.test/")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("https://A.test:443/x?y", "https://a.test", id="default port left out"),
        pytest.param("http://a.test:443/", "http://a.test:443", id="port of the other scheme kept"),
        pytest.param("http://[::1]:8080/", "http://[::1]:8080", id="IPv6"),
    ],
)
def test_an_origin_is_scheme_and_authority(text: str, expected: str) -> None:
    assert parse_http_uri(text).origin == expected


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_the_hosts_of_this_machine_are_loopback(host: str) -> None:
    assert parse_http_uri(f"http://{host}:7777/cb").is_loopback


@pytest.mark.parametrize(
    "host", ["localhost.evil.test", "127.0.0.1.evil.test", "127-0-0-1.test", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"]
)
def test_hosts_that_only_look_like_this_machine_are_not_loopback(host: str) -> None:
    assert not parse_http_uri(f"http://{host}:7777/cb").is_loopback
