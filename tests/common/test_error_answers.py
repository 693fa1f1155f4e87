"""Errors as HTTP: a page for a person, JSON for a program, a redirect where one is owed."""

import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from authproxy_common.errors import AccessDenied, InvalidClient, InvalidGrant, InvalidRequest, TemporarilyUnavailable
from authproxy_common.http.assembly import Surroundings, closing, layered, starlette_app
from authproxy_common.http.metrics import Metrics
from authproxy_common.return_address import ReturnAddress, SentBack

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TK-03", "AZ-01")]

ADDRESS = ReturnAddress("https://client.test/cb", "s", "https://mcp.test")
RAISED: dict[str, Exception] = {
    "invalid": InvalidRequest("the parameter state is missing"),
    "client": InvalidClient("the client is not known"),
    "markup": InvalidGrant("<script>alert(1)</script>", remedy="<b>bold</b>"),
    "unavailable": TemporarilyUnavailable("the provider did not answer", dependency="provider"),
    "sent-back": SentBack(ADDRESS, AccessDenied("the person said no")),
    "sent-back-unavailable": SentBack(ADDRESS, TemporarilyUnavailable("no answer", dependency="redis")),
    "fault": KeyError("hunter2"),
}


async def fail(request: Request) -> Response:
    raise RAISED[request.path_params["name"]] from ConnectionError("10.0.0.1 refused hunter2")


@pytest.fixture
async def http(around: Surroundings) -> AsyncIterator[httpx.AsyncClient]:
    routes = [Route("/api/{name}", fail), Route("/page/{name}", fail)]
    app = starlette_app(routes, {f"/page/{name}" for name in RAISED}, around, closing())
    transport = httpx.ASGITransport(layered(app, [], around), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://mcp.test") as client:
        yield client


async def test_a_program_gets_json_with_code_description_and_request_id(http: httpx.AsyncClient) -> None:
    response = await http.get("/api/invalid")

    assert (response.status_code, response.headers["content-type"]) == (400, "application/json")
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "error": "invalid_request",
        "error_description": "the parameter state is missing",
        "request_id": response.headers["x-request-id"],
    }


@pytest.mark.requirement("OP-01")
async def test_a_person_gets_a_page_that_says_what_to_do_and_has_the_request_id(http: httpx.AsyncClient) -> None:
    response = await http.get("/page/invalid")

    assert (response.status_code, response.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "<h1>This request cannot be carried out</h1>" in response.text
    assert "<p>The parameter state is missing.</p>" in response.text
    assert "Start again from the application that sent you here." in response.text
    assert f"request id <code>{response.headers['x-request-id']}</code>" in response.text
    assert "· Sample service</title>" in response.text


@pytest.mark.requirement("AZ-05", "OP-08")
async def test_a_page_cannot_be_framed_cached_or_scripted(http: httpx.AsyncClient) -> None:
    response = await http.get("/page/markup")

    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.requirement("AZ-05")
async def test_what_an_error_says_is_text_on_a_page_and_never_markup(http: httpx.AsyncClient) -> None:
    response = await http.get("/page/markup")

    assert "<script" not in response.text
    assert "<b>" not in response.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in response.text


@pytest.mark.parametrize("kind", ["api", "page"])
async def test_an_error_keeps_its_own_status_and_headers(http: httpx.AsyncClient, kind: str) -> None:
    client, unavailable = await http.get(f"/{kind}/client"), await http.get(f"/{kind}/unavailable")

    assert (client.status_code, client.headers["www-authenticate"]) == (401, 'Basic realm="oauth"')
    assert (unavailable.status_code, unavailable.headers["retry-after"]) == (503, "2")


@pytest.mark.requirement("OP-02", "OP-01")
@pytest.mark.parametrize("kind", ["api", "page"])
async def test_a_fault_of_ours_shows_neither_traceback_nor_reason(http: httpx.AsyncClient, kind: str) -> None:
    response = await http.get(f"/{kind}/fault")

    assert response.status_code == 500
    assert response.headers["x-request-id"] in response.text
    assert "server_error" in response.text
    assert not re.search(r"Traceback|KeyError|ConnectionError|hunter2|10\.0\.0\.1|\.py", response.text)


@pytest.mark.requirement("OP-02")
@pytest.mark.parametrize("name", ["invalid", "unavailable"])
async def test_the_cause_of_an_error_is_named_in_the_log_and_not_in_the_answer(
    http: httpx.AsyncClient, name: str
) -> None:
    with capture_logs() as lines:
        response = await http.get(f"/api/{name}")

    [refused] = [line for line in lines if line["event"] == "refused"]
    assert refused["cause"] == "ConnectionError"
    assert not re.search(r"ConnectionError|hunter2|10\.0\.0\.1", response.text + str(response.headers))
    assert "hunter2" not in str(lines)


@pytest.mark.requirement("AZ-07")
@pytest.mark.parametrize("kind", ["api", "page"])
async def test_an_error_that_is_owed_to_an_application_is_sent_there(http: httpx.AsyncClient, kind: str) -> None:
    response = await http.get(f"/{kind}/sent-back")

    assert response.status_code == 302
    assert response.headers["location"].startswith("https://client.test/cb?")
    assert dict(parse_qsl(urlsplit(response.headers["location"]).query)) == {
        "error": "access_denied",
        "error_description": "the person said no",
        "state": "s",
        "iss": "https://mcp.test",
    }


@pytest.mark.requirement("OP-03")
@pytest.mark.parametrize(
    ("name", "dependency"),
    [
        pytest.param("unavailable", "provider", id="answered"),
        pytest.param("sent-back-unavailable", "redis", id="sent back"),
    ],
)
async def test_a_failure_is_counted_by_who_failed(
    http: httpx.AsyncClient, metrics: Metrics, name: str, dependency: str
) -> None:
    await http.get(f"/api/{name}")

    counted = metrics.registry.get_sample_value("authproxy_dependency_failures_total", {"dependency": dependency})
    assert counted == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/nowhere", 404, "not_found", id="no such path"),
        pytest.param("DELETE", "/api/invalid", 405, "invalid_request", id="not with this method"),
    ],
)
async def test_what_is_not_routed_is_refused_in_the_same_form(
    http: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await http.request(method, path)

    assert (response.status_code, response.json()["error"]) == (status, code)
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert (status == 405) == ("allow" in response.headers)
