"""A service's layers together: what every answer carries, who answers where, and what is closed at the end."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from authproxy_common.http.assembly import Surroundings, closing, layered, starlette_app

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-03")]

PUBLIC, MANAGEMENT = "http://mcp.test:8090", "http://mcp.test:9465"


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def fail(_request: Request) -> Response:
    raise RuntimeError("a fault")


async def chunks(*content: bytes) -> AsyncIterator[bytes]:
    for chunk in content:
        yield chunk


@pytest.fixture
async def http(around: Surroundings) -> AsyncIterator[httpx.AsyncClient]:
    around = replace(around, management_port=9465)
    app = starlette_app([Route("/echo", echo, methods=["POST"]), Route("/fail", fail)], [], around, closing())
    transport = httpx.ASGITransport(layered(app, ["/echo", "/fail"], around), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


@pytest.mark.requirement("OP-01", "OP-08")
@pytest.mark.parametrize(
    ("method", "url", "content", "headers", "status"),
    [
        pytest.param("POST", f"{PUBLIC}/echo", b"x", {}, 200, id="answer"),
        pytest.param("GET", f"{PUBLIC}/nowhere", None, {}, 404, id="no such path"),
        pytest.param("GET", f"{PUBLIC}/echo", None, {}, 405, id="not with this method"),
        pytest.param("GET", f"{PUBLIC}/fail", None, {}, 500, id="fault"),
        pytest.param("POST", f"{PUBLIC}/echo", b"x" * 101, {}, 413, id="body announced too long"),
        pytest.param("POST", f"{PUBLIC}/echo", chunks(b"x" * 100, b"x"), {}, 413, id="body that turns out too long"),
        pytest.param("POST", f"{PUBLIC}/echo", chunks(b"x"), {"Content-Length": "1"}, 400, id="two lengths"),
        pytest.param("GET", f"{PUBLIC}/health/live", None, {}, 200, id="operator"),
        pytest.param("GET", f"{MANAGEMENT}/metrics", None, {}, 200, id="management port"),
        pytest.param("GET", f"{MANAGEMENT}/nowhere", None, {}, 404, id="no such path at the management port"),
    ],
)
async def test_every_answer_has_a_request_id_and_security_headers(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    content: bytes | AsyncIterator[bytes] | None,
    headers: dict[str, str],
    status: int,
) -> None:
    if status == 400:
        headers = {**headers, "Transfer-Encoding": "chunked"}

    response = await http.request(method, url, content=content, headers=headers)

    assert response.status_code == status
    assert "x-request-id" in response.headers
    assert response.headers.get("x-content-type-options") == "nosniff"
    assert response.headers.get("cache-control") == "no-store"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health/live", 200), ("/health/ready", 200), ("/metrics", 200), ("/fail", 404), ("/echo", 404), ("/", 404)],
)
async def test_the_management_port_answers_the_operator_and_nobody_else(
    http: httpx.AsyncClient, path: str, status: int
) -> None:
    assert (await http.get(MANAGEMENT + path)).status_code == status


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_the_operator_s_endpoints_also_answer_at_the_public_port(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(PUBLIC + path)).status_code == 200


@pytest.mark.parametrize(
    ("url", "status"),
    [(f"{PUBLIC}/metrics", 404), (f"{MANAGEMENT}/metrics", 200), (f"{PUBLIC}/health/ready", 200)],
)
async def test_metrics_that_are_not_public_answer_at_the_management_port_alone(
    around: Surroundings, url: str, status: int
) -> None:
    around = replace(around, management_port=9465, public_metrics=False)
    app = layered(starlette_app([], [], around, closing()), [], around)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        assert (await http.get(url, headers={"Host": "mcp.test:9465"})).status_code == status


async def test_a_host_header_does_not_make_a_request_one_of_the_management_port(http: httpx.AsyncClient) -> None:
    response = await http.post(f"{PUBLIC}/echo", content=b"x", headers={"Host": "mcp.test:9465"})

    assert (response.status_code, response.text) == (200, "x")


async def test_without_a_management_port_every_port_is_the_service_s_own(around: Surroundings) -> None:
    app = layered(starlette_app([Route("/echo", echo, methods=["POST"])], [], around, closing()), ["/echo"], around)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        assert (await http.post(f"{MANAGEMENT}/echo", content=b"x")).text == "x"


async def test_known_paths_are_counted_by_their_names(http: httpx.AsyncClient, around: Surroundings) -> None:
    await http.post(f"{PUBLIC}/echo", content=b"x")
    await http.get(f"{PUBLIC}/health/live")

    registry = around.metrics.registry
    for method, route in (("POST", "/echo"), ("GET", "/health/live")):
        labels = {"method": method, "route": route, "status": "200"}
        assert registry.get_sample_value("authproxy_requests_total", labels) == 1


class Resource:
    """Something to be closed, which may fail at that."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.closed = 0

    async def aclose(self) -> None:
        self.closed += 1
        if self.error:
            raise self.error


async def test_everything_is_closed_when_the_service_ends_and_not_before() -> None:
    one, other = Resource(), Resource()

    async with closing(one, other)(Starlette()):
        assert (one.closed, other.closed) == (0, 0)

    assert (one.closed, other.closed) == (1, 1)


@pytest.mark.parametrize("failing", [0, 1, 2])
async def test_a_resource_that_fails_to_close_keeps_no_other_open(failing: int) -> None:
    resources = [Resource(OSError("gone") if index == failing else None) for index in range(3)]

    with pytest.raises(OSError, match="gone"):
        async with closing(*resources)(Starlette()):
            pass

    assert [resource.closed for resource in resources] == [1, 1, 1]
