"""Pages: one look, no script, nothing from elsewhere, and every value escaped."""

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError

from authproxy_common.http.pages import Pages

pytestmark = pytest.mark.requirement("AZ-05")


def rendered(pages: Pages, name: str) -> str:
    return bytes(pages.render("hello.html", name=name).body).decode()


@pytest.mark.parametrize("value", ["<img src=x onerror=alert(1)>", '"><script>', "{{ 7 * 7 }}", "é & ü"])
def test_every_value_is_escaped_and_never_a_template(pages: Pages, value: str) -> None:
    [shown] = re.findall(r"<p>(.*)</p>", rendered(pages, name=value))

    assert not re.search(r"[<>\"]", shown)
    assert "49" not in shown


def test_a_value_that_a_page_needs_and_was_not_given_is_a_fault(pages: Pages) -> None:
    with pytest.raises(UndefinedError):
        pages.render("hello.html")


def test_the_policy_of_a_page_allows_exactly_the_style_sheet_that_is_in_it(pages: Pages) -> None:
    response = pages.render("hello.html", name="x")

    [sheet] = re.findall(r"<style>(.*?)</style>", bytes(response.body).decode(), re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    assert f"style-src 'sha256-{hashed}'" in response.headers["content-security-policy"]


def test_a_page_has_no_script_and_nothing_from_elsewhere(pages: Pages) -> None:
    page = rendered(pages, name="x")

    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!data:image)", page)
    assert not re.search(r"https?:|url\(|@import|\son\w+=|style=", page)


def test_a_page_has_its_status_and_headers_and_keeps_its_policy(pages: Pages) -> None:
    response = pages.render("hello.html", 403, {"Retry-After": "2"}, name="x")

    assert (response.status_code, response.headers["retry-after"]) == (403, "2")
    assert "content-security-policy" in response.headers
    assert response.headers["content-type"] == "text/html; charset=utf-8"
