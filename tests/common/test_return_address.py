"""Where a browser is sent back to, and what accompanies it."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from authproxy_common.errors import AccessDenied
from authproxy_common.return_address import ReturnAddress, SentBack

pytestmark = pytest.mark.requirement("AZ-07", "AZ-01")


def test_a_successful_answer_has_code_state_and_issuer() -> None:
    url = ReturnAddress("https://client.test/cb", "s t&a=te", "https://mcp.test").with_code("ac_1")

    # %20 for a space, which programs understand that leave a plus sign as it is.
    assert url == "https://client.test/cb?code=ac_1&state=s%20t%26a%3Dte&iss=https%3A%2F%2Fmcp.test"


def test_an_error_has_its_code_its_description_state_and_issuer() -> None:
    address = ReturnAddress("https://client.test/cb", "s", "https://mcp.test")

    assert dict(parse_qsl(urlsplit(address.with_error(AccessDenied("the person said no"))).query)) == {
        "error": "access_denied",
        "error_description": "the person said no",
        "state": "s",
        "iss": "https://mcp.test",
    }


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param("https://client.test/cb?a=b", "https://client.test/cb?a=b&code=c", id="with a query"),
        pytest.param("http://127.0.0.1:7777", "http://127.0.0.1:7777?code=c", id="without a path"),
        pytest.param("com.example.app:/cb", "com.example.app:/cb?code=c", id="private-use scheme"),
    ],
)
def test_the_uri_stays_as_it_was_registered(uri: str, expected: str) -> None:
    assert ReturnAddress(uri).with_code("c") == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(None, "https://c.test?code=c", id="none"),
        pytest.param("", "https://c.test?code=c&state=", id="empty"),
    ],
)
def test_state_is_echoed_only_where_there_was_one(state: str | None, expected: str) -> None:
    assert ReturnAddress("https://c.test", state).with_code("c") == expected


def test_no_value_can_add_a_parameter_of_its_own() -> None:
    url = ReturnAddress("https://client.test/cb", "x&code=stolen#y", "https://mcp.test").with_code("mine")

    assert parse_qsl(urlsplit(url).query) == [
        ("code", "mine"),
        ("state", "x&code=stolen#y"),
        ("iss", "https://mcp.test"),
    ]
    assert not urlsplit(url).fragment


def test_an_error_on_its_way_back_keeps_its_address_and_its_cause() -> None:
    address, error = ReturnAddress("https://client.test/cb"), AccessDenied("no")

    sent = SentBack(address, error)

    assert (sent.address, sent.error, str(sent)) == (address, error, "no")
