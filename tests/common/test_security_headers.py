"""Headers that every answer carries unless its endpoint chose otherwise."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from authproxy_common.http.security_headers import SecurityHeaders, page_policy

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-08", "AZ-05")]

EXPECTED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
}


async def plain(_request: Request) -> Response:
    return Response("x")


async def cacheable(_request: Request) -> Response:
    return Response("x", headers={"Cache-Control": "public, max-age=60", "Content-Security-Policy": "sandbox"})


async def answered(path: str, *, https: bool = True) -> httpx.Headers:
    app = SecurityHeaders(Starlette(routes=[Route("/plain", plain), Route("/cacheable", cacheable)]), https=https)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://mcp.test") as http:
        return (await http.get(path)).headers


@pytest.mark.parametrize("path", ["/plain", "/no-such-path"])
async def test_every_answer_has_the_headers(path: str) -> None:
    headers = await answered(path)

    assert {name: headers.get(name) for name in EXPECTED} == EXPECTED


async def test_what_an_endpoint_chose_stays_and_the_rest_is_added() -> None:
    headers = await answered("/cacheable")

    assert headers.get_list("cache-control") == ["public, max-age=60"]
    assert headers.get_list("content-security-policy") == ["sandbox"]
    assert headers["x-content-type-options"] == "nosniff"


async def test_strict_transport_security_is_for_https_only() -> None:
    assert (await answered("/plain"))["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in await answered("/plain", https=False)


def test_a_page_allows_its_own_style_sheet_and_nothing_else() -> None:
    policy = dict(part.split(" ", 1) for part in page_policy("body {}").split("; "))

    assert policy == {
        "default-src": "'none'",
        "style-src": "'sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT+SmwNZWA='",
        "img-src": "data:",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
