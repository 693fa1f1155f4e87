"""The cookie that ties a browser's later requests to its earlier ones."""

import re
from datetime import timedelta

import pytest
from starlette.requests import Request
from starlette.responses import Response

from authproxy_common.http.browser import BrowserCookie
from authproxy_common.secret import digest, mint

pytestmark = pytest.mark.requirement("AZ-06")

SECURE = BrowserCookie("browser", https=True, lifetime=timedelta(minutes=10))
PLAIN = BrowserCookie("browser", https=False, lifetime=timedelta(minutes=10))


def request(cookie: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})


def test_on_https_the_cookie_can_come_from_this_very_host_only() -> None:
    response = Response()
    SECURE.set(response, "value")

    name_and_value, *attributes = response.headers["set-cookie"].split("; ")
    assert name_and_value == "__Host-browser=value"
    assert {attribute.lower() for attribute in attributes} == {
        "httponly",
        "max-age=600",
        "path=/",
        "samesite=lax",
        "secure",
    }


def test_in_development_the_cookie_is_neither_secure_nor_host_bound() -> None:
    response = Response()
    PLAIN.set(response, "value")

    assert response.headers["set-cookie"].startswith("browser=value; ")
    assert "secure" not in response.headers["set-cookie"].lower()
    assert "httponly" in response.headers["set-cookie"].lower()


def test_a_value_of_ours_is_read_and_only_its_digest_is_for_keeping() -> None:
    value = mint()

    assert SECURE.read(request(f"__Host-browser={value}")) == value
    assert SECURE.read_or_mint(request(f"other=x; __Host-browser={value}")) == value
    assert SECURE.digest_of(request(f"__Host-browser={value}")) == digest(value)


@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param("", id="none"),
        pytest.param(f"browser={'x' * 43}", id="without the prefix"),
        pytest.param(f"__host-browser={'x' * 43}", id="prefix in lower case"),
        pytest.param("__Host-browser=", id="empty"),
        pytest.param(f"__Host-browser={'x' * 42}", id="too short"),
        pytest.param(f"__Host-browser={'x' * 44}", id="too long"),
        pytest.param(f"__Host-browser={'x' * 42}!", id="illegal character"),
    ],
)
def test_a_cookie_that_is_not_ours_by_its_form_is_not_read(cookie: str) -> None:
    assert SECURE.read(request(cookie)) is None
    assert SECURE.digest_of(request(cookie)) is None


def test_a_browser_without_a_cookie_is_given_a_value_nobody_can_guess() -> None:
    values = {SECURE.read_or_mint(request("")) for _ in range(20)}

    assert len(values) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", value) for value in values)
