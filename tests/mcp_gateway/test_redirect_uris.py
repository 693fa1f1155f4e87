"""Which redirect URIs a client may register, and which requests meet them."""

import pytest

from authproxy_common.errors import InvalidRedirectUri
from mcp_gateway.domain.redirect_uris import check_redirect_uri, destination, matches

pytestmark = pytest.mark.requirement("CL-05")


@pytest.mark.parametrize(
    "uri",
    [
        "https://claude.ai/api/mcp/auth_callback",
        "https://app.example.com:8443/cb?tenant=1",
        "http://localhost/callback",
        "http://localhost:3334/oauth/callback",
        "http://127.0.0.1:33418/",
        "http://[::1]:8080/cb",
        "cursor://anysphere.cursor-retrieval/oauth/user-callback",
        "vscode://vscode.github-authentication/did-authenticate",
        "com.example.app:/oauth2redirect",
    ],
)
def test_redirect_uris_of_real_clients_are_taken(uri: str) -> None:
    check_redirect_uri(uri)
    assert matches(uri, uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "callback",
        "//a.test/cb",
        "/cb",
        "http://a.test/cb",
        "http://localhost.a.test/cb",
        "http://127.0.0.2/cb",
        "http://0.0.0.0/cb",
        "http://2130706433/cb",
        "https://user@a.test/cb",
        "https://user:pw@a.test/cb",
        "https://a.test/cb#x",
        "https://a.test/cb#",
        "https://a.test\\@b.test/cb",
        "https://a.test/../cb",
        "https://a.test/%2e%2e/cb",
        "https://a.test/c b",
        "https://a.test/cb\n",
        "https://ä.test/cb",
        "https://",
        "https:///cb",
        "https:a.test/cb",
        "https://a.test:0/cb",
        "https://a.test:99999/cb",
        "https://*.a.test/cb",
        "javascript:alert(1)",
        "JavaScript://a.test/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://a.test/x",
        "about:blank",
        "ws://a.test/",
        "ftp://a.test/",
        "mailto:a@a.test",
        "cursor:",
        "cursor://user@host/cb",
        "cursor://host/cb#x",
        "1cursor://host/cb",
    ],
)
def test_everything_else_is_refused(uri: str) -> None:
    with pytest.raises(InvalidRedirectUri):
        check_redirect_uri(uri)


@pytest.mark.parametrize(
    ("registered", "requested", "met"),
    [
        pytest.param("http://127.0.0.1/cb", "http://127.0.0.1:50123/cb", True, id="loopback, a port was added"),
        pytest.param("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", True, id="loopback, another port"),
        pytest.param("http://localhost:1/cb", "http://localhost:2/cb", True, id="localhost, another port"),
        pytest.param("http://[::1]:1/cb", "http://[::1]:2/cb", True, id="IPv6 loopback"),
        pytest.param("http://127.0.0.1/cb", "http://localhost/cb", False, id="another loopback host"),
        pytest.param("http://127.0.0.1/cb", "http://127.0.0.1/cb2", False, id="another path"),
        pytest.param("http://127.0.0.1/cb", "http://127.0.0.1/cb?x=1", False, id="another query"),
        pytest.param("http://127.0.0.1/cb", "https://127.0.0.1/cb", False, id="another scheme"),
        pytest.param("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.test/cb", False, id="user information"),
        pytest.param("http://127.0.0.1/cb", "http://127.0.0.1:1/cb#x", False, id="fragment"),
        pytest.param("https://a.test/cb", "https://a.test:444/cb", False, id="a port beyond loopback"),
        pytest.param("https://a.test/cb", "https://a.test/cb/", False, id="slash at the end"),
        pytest.param("https://a.test/cb", "https://a.test/CB", False, id="case of the path"),
        pytest.param("cursor://host/cb", "cursor://host/cb2", False, id="private-use path"),
    ],
)
def test_a_request_meets_what_was_registered(registered: str, requested: str, met: bool) -> None:
    assert matches(registered, requested) is met


@pytest.mark.requirement("AZ-04")
def test_the_destination_is_said_in_words() -> None:
    assert destination("https://claude.ai/api/cb") == "claude.ai"
    assert destination("http://127.0.0.1:1/cb") == "a program on this computer (127.0.0.1)"
    assert destination("cursor://host/cb") == "the application on this computer that opens cursor: links"
