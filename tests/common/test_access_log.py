"""One log line and one count per request, with names that strangers cannot invent."""

from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from authproxy_common.events import Events
from authproxy_common.http.access_log import AccessLog
from authproxy_common.http.metrics import Metrics

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-03")]

Lines = list[MutableMapping[str, Any]]


async def known(_request: Request) -> Response:
    return PlainTextResponse("x", 201)


async def fail(_request: Request) -> Response:
    raise RuntimeError("a fault")


@pytest.fixture
def http(metrics: Metrics) -> httpx.AsyncClient:
    paths = {"/known": known, "/fail": fail, "/health/live": known, "/metrics": metrics.expose}
    site = Starlette(routes=[Route(path, endpoint) for path, endpoint in paths.items()])
    app = AccessLog(site, metrics=metrics, routes=paths)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="https://mcp.test")


def counted(metrics: Metrics, method: str, route: str, status: str) -> float | None:
    labels = {"method": method, "route": route, "status": status}
    return metrics.registry.get_sample_value("authproxy_requests_total", labels)


async def test_a_request_is_one_line_and_one_count(http: httpx.AsyncClient, metrics: Metrics) -> None:
    with capture_logs() as lines:
        await http.get("/known")

    [line] = lines
    assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "GET", "/known", 201)
    assert line["duration_ms"] >= 0
    assert counted(metrics, "GET", "/known", "201") == 1


@pytest.mark.requirement("OP-02")
async def test_the_query_is_in_neither_line_nor_metrics(http: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        await http.get("/known?code=hunter2&access_token=hunter2")
        await http.get("/unknown?code=hunter2")
    exposed = (await http.get("/metrics")).text

    assert len(lines) == 2
    assert "hunter2" not in str(lines) + exposed


async def test_an_answer_that_failed_is_counted_as_500(http: httpx.AsyncClient, metrics: Metrics) -> None:
    with capture_logs() as lines:
        await http.get("/fail")

    assert [line["status"] for line in lines] == [500]
    assert counted(metrics, "GET", "/fail", "500") == 1


async def test_an_application_that_breaks_off_is_counted_as_500(metrics: Metrics) -> None:
    async def break_off(*_: Any) -> None:
        raise RuntimeError("nothing was sent")

    app = AccessLog(break_off, metrics=metrics, routes=["/"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://mcp.test") as http:
        with capture_logs() as lines, pytest.raises(RuntimeError, match="nothing was sent"):
            await http.get("/")

    assert [line["status"] for line in lines] == [500]
    assert counted(metrics, "GET", "/", "500") == 1


async def test_strangers_cannot_invent_label_values(http: httpx.AsyncClient, metrics: Metrics) -> None:
    for number in range(20):
        await http.request(f"BREW{number}", f"/stranger/{number}")
        await http.get(f"/known/{number}")

    families = text_string_to_metric_families((await http.get("/metrics")).text)
    labels = [sample.labels for family in families for sample in family.samples]
    assert {label["route"] for label in labels if "route" in label} == {"other"}
    assert {label["method"] for label in labels if "method" in label} == {"GET", "other"}
    assert counted(metrics, "other", "other", "404") == 20


async def test_a_long_path_is_cut_in_the_log(http: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        await http.get("/" + "x" * 5000)

    assert [len(line["path"]) for line in lines] == [200]


async def test_what_asks_every_few_seconds_is_counted_and_not_logged(http: httpx.AsyncClient, metrics: Metrics) -> None:
    with capture_logs() as lines:
        await http.get("/health/live")
        await http.get("/metrics")

    assert lines == []
    assert counted(metrics, "GET", "/health/live", "201") == 1


async def test_the_time_until_the_answer_is_measured_by_route(http: httpx.AsyncClient, metrics: Metrics) -> None:
    await http.get("/known")

    name = "authproxy_request_duration_seconds_count"
    assert metrics.registry.get_sample_value(name, {"route": "/known"}) == 1


async def test_metrics_are_in_the_format_that_prometheus_reads(http: httpx.AsyncClient) -> None:
    await http.get("/known")

    response = await http.get("/metrics")

    assert response.headers["content-type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert {"authproxy_requests", "authproxy_request_duration_seconds", "authproxy_events"} <= names


def test_two_services_in_one_process_count_for_themselves(metrics: Metrics) -> None:
    other = Metrics()
    metrics.requests.labels("GET", "/", "200").inc()

    assert counted(other, "GET", "/", "200") is None


@pytest.mark.parametrize(("step", "level", "audit"), [("note", "info", None), ("alarm", "warning", True)])
def test_a_step_of_a_flow_is_logged_with_its_fields_and_counted(
    metrics: Metrics, step: str, level: str, audit: bool | None
) -> None:
    with capture_logs() as lines:
        getattr(Events(metrics), step)("code_replayed", client_id="editor")

    [line] = lines
    assert (line["event"], line["log_level"], line["client_id"]) == ("code_replayed", level, "editor")
    assert line.get("audit") is audit
    assert metrics.registry.get_sample_value("authproxy_events_total", {"event": "code_replayed"}) == 1
