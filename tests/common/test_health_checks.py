"""Liveness asks nobody; readiness says who does not answer."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-03")]


PAIR = ("redis", "provider")


async def answers() -> None:
    """A dependency that is there."""


async def does_not_answer() -> None:
    raise TemporarilyUnavailable("the store at 10.0.0.1 did not answer", dependency="redis")


async def asked(health: HealthEndpoints, path: str) -> httpx.Response:
    app = Starlette(routes=[Route("/live", health.live), Route("/ready", health.ready)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://mcp.test") as http:
        return await http.get(path)


async def test_liveness_asks_nobody() -> None:
    asked_of: list[str] = []

    async def check() -> None:
        asked_of.append("redis")

    response = await asked(HealthEndpoints({"redis": check}, Metrics()), "/live")

    assert (response.status_code, response.json(), asked_of) == (200, {"status": "ok"}, [])


async def test_readiness_is_ok_when_every_dependency_answers() -> None:
    response = await asked(HealthEndpoints({"redis": answers, "provider": answers}, Metrics()), "/ready")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "checks": {"redis": "ok", "provider": "ok"}}


async def test_readiness_names_who_does_not_answer_and_asks_everybody_else() -> None:
    response = await asked(HealthEndpoints({"redis": does_not_answer, "provider": answers}, Metrics()), "/ready")

    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "checks": {"redis": "unavailable", "provider": "ok"}}
    assert response.headers["retry-after"] == "2"
    assert "10.0.0.1" not in response.text


async def test_metrics_say_what_readiness_found_last() -> None:
    metrics = Metrics()
    await asked(HealthEndpoints({"redis": answers, "provider": answers}, metrics), "/ready")
    await asked(HealthEndpoints({"redis": does_not_answer}, metrics), "/ready")

    up = {name: metrics.registry.get_sample_value("authproxy_dependency_up", {"dependency": name}) for name in PAIR}
    assert up == {"redis": 0.0, "provider": 1.0}
