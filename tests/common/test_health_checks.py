"""Liveness asks nobody; readiness says who does not answer."""

from dataclasses import dataclass
from datetime import timedelta

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from tests.support.clock import MovableClock
from tests.support.gate import Gate

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


@dataclass
class Dependency:
    """Something that answers or does not, and counts how often it is asked."""

    is_there: bool = True
    asked: int = 0
    answering: Gate | None = None

    async def check(self) -> None:
        self.asked += 1
        if self.answering:
            self.answering.reached.set()
            await self.answering.opened.wait()
        if not self.is_there:
            await does_not_answer()


async def test_readiness_asks_once_a_second_whoever_wants_to_know() -> None:
    clock, redis = MovableClock(), Dependency()
    health = HealthEndpoints({"redis": redis.check}, Metrics(), clock)

    assert [(await asked(health, "/ready")).status_code for _ in range(3)] == [200] * 3
    redis.is_there = False
    clock.advance(timedelta(milliseconds=999))
    assert (await asked(health, "/ready")).status_code == 200
    assert redis.asked == 1
    clock.advance(timedelta(milliseconds=1))
    assert [(await asked(health, "/ready")).status_code for _ in range(3)] == [503] * 3
    assert redis.asked == 2


async def test_a_clock_that_is_set_back_keeps_nothing_for_longer() -> None:
    clock, redis = MovableClock(), Dependency()
    health = HealthEndpoints({"redis": redis.check}, Metrics(), clock)
    await asked(health, "/ready")
    redis.is_there = False
    clock.advance(timedelta(hours=-1))
    assert (await asked(health, "/ready")).status_code == 503


async def test_who_asks_while_somebody_is_asking_gets_the_same_answer() -> None:
    gate = Gate()
    redis = Dependency(answering=gate)
    health = HealthEndpoints({"redis": redis.check}, Metrics(), MovableClock())
    statuses: list[int] = []

    async def ask() -> None:
        statuses.append((await asked(health, "/ready")).status_code)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await gate.wait_until_reached()
            group.start_soon(ask)
            gate.opened.set()
    assert (statuses, redis.asked) == ([200, 200], 1)
