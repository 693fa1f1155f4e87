"""Rate limits: what they let through, where they count, and what they say."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
import redis.asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from authproxy_common.errors import TemporarilyUnavailable, TooManyRequests
from authproxy_common.http.rate_limit import limited_by_address
from authproxy_common.records.commands import DEADLINE
from authproxy_common.records.rate_limits import OwnCounts, RateCounters, RateLimit, open_rate_counters, rate_problem
from authproxy_common.records.rates import Rate, parse_rate
from authproxy_common.secret import Secret
from tests.support.servers import RedisServer, free_port

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-09")]


@pytest.fixture(params=["memory", "redis"])
async def counters(request: pytest.FixtureRequest) -> AsyncIterator[RateCounters]:
    """On both kinds of storage."""
    is_memory = request.param == "memory"
    opened = open_rate_counters(
        Secret("memory://") if is_memory else request.getfixturevalue("redis_server_url"), "test"
    )
    yield opened
    await opened.aclose()


def limit_of(counters: RateCounters, rate: str, name: str = "test") -> RateLimit:
    limit = counters.limit(f"{name}:{id(counters)}", rate)
    assert limit is not None
    return limit


async def test_one_too_many_is_refused_and_told_when_to_come_again(counters: RateCounters) -> None:
    limit = limit_of(counters, "2/hour")
    await limit.spend("192.0.2.1")
    await limit.spend("192.0.2.1")
    with pytest.raises(TooManyRequests) as refused:
        await limit.spend("192.0.2.1")
    assert refused.value.status == 429
    assert 1 <= int(refused.value.headers()["Retry-After"]) <= 3600


async def test_addresses_and_limits_are_counted_apart(counters: RateCounters) -> None:
    one, other = limit_of(counters, "1/hour"), limit_of(counters, "1/hour", "another")
    await one.spend("192.0.2.1")
    await one.spend("192.0.2.2")
    await other.spend("192.0.2.1")
    with pytest.raises(TooManyRequests):
        await one.spend("192.0.2.2")


async def test_of_many_at_once_as_many_pass_as_may(counters: RateCounters) -> None:
    limit = limit_of(counters, "10/hour")
    outcomes = await asyncio.gather(*(limit.spend("192.0.2.1") for _ in range(50)), return_exceptions=True)
    assert outcomes.count(None) == 10


async def test_replicas_count_together(redis_server_url: Secret) -> None:
    replicas = [open_rate_counters(redis_server_url, "test") for _ in range(2)]
    limits = [each.limit(f"together:{free_port()}", "1/hour") for each in replicas[:1]]
    assert limits[0]
    second = RateLimit(replicas[1].counts, limits[0].name, limits[0].rate)
    await limits[0].spend("192.0.2.1")
    with pytest.raises(TooManyRequests):
        await second.spend("192.0.2.1")
    for each in replicas:
        await each.aclose()


async def test_what_is_counted_ends_by_itself_and_names_nobody(redis_server: RedisServer) -> None:
    counters = open_rate_counters(Secret(redis_server.url), "test")
    await limit_of(counters, "5/minute", "expiring").spend("192.0.2.99")
    client = redis.asyncio.Redis.from_url(redis_server.url)
    keys = [key async for key in client.scan_iter("test:limit:*expiring*")]
    assert len(keys) == 1
    assert b"192.0.2.99" not in keys[0]
    assert 0 < await client.ttl(keys[0]) <= 61
    await client.aclose()
    await counters.aclose()


async def test_a_store_that_is_not_there_is_said_to_be_within_the_deadline() -> None:
    counters = open_rate_counters(Secret(f"redis://127.0.0.1:{free_port()}/0"), "test")
    with anyio.fail_after(DEADLINE.total_seconds() + 1), pytest.raises(TemporarilyUnavailable):
        await limit_of(counters, "5/minute").spend("192.0.2.1")
    await counters.aclose()


def test_unlimited_is_no_limit() -> None:
    assert open_rate_counters(Secret("memory://"), "test").limit("test", "unlimited") is None


@pytest.mark.parametrize(
    ("rate", "is_usable"),
    [
        ("60/minute", True),
        ("5/10 seconds", True),
        ("unlimited", True),
        ("60", False),
        ("many", False),
        ("-1/s", False),
        ("5/0 seconds", False),
        ("5/second; 100/hour", False),
    ],
)
def test_a_rate_that_cannot_be_read_is_a_problem(rate: str, is_usable: bool) -> None:
    assert (rate_problem(rate) is None) is is_usable


@pytest.mark.parametrize(
    ("spelled", "rate", "window"),
    [
        ("60/minute", Rate(60, 1, "minute"), timedelta(minutes=1)),
        (" 5 / 10 Seconds ", Rate(5, 10, "second"), timedelta(seconds=10)),
        ("1000 per hour", Rate(1000, 1, "hour"), timedelta(hours=1)),
        ("7/2days", Rate(7, 2, "day"), timedelta(days=2)),
    ],
)
def test_a_rate_is_read_as_operators_write_it(spelled: str, rate: Rate, window: timedelta) -> None:
    assert (parse_rate(spelled), parse_rate(spelled).window) == (rate, window)


async def test_in_a_process_a_window_begins_with_the_first_request_and_ends_for_good() -> None:
    now = [100.0]
    counts = OwnCounts(lambda: now[0])
    assert await counts.count("one", timedelta(seconds=10)) == (1, timedelta(seconds=10))
    now[0] += 4
    assert await counts.count("one", timedelta(seconds=10)) == (2, timedelta(seconds=6))
    now[0] += 6
    assert await counts.count("one", timedelta(seconds=10)) == (1, timedelta(seconds=10))
    assert await counts.count("other", timedelta(seconds=10)) == (1, timedelta(seconds=10))


@pytest.mark.parametrize(
    ("client", "counted"),
    [(("192.0.2.1", 5), "192.0.2.1"), (("2001:db8::5", 5), "2001:db8::/64"), (None, "unknown")],
)
async def test_a_route_counts_the_address_before_anything_is_read(client: Any, counted: str) -> None:
    seen: list[str] = []

    async def spend(who: str) -> None:
        seen.append(who)

    async def answer(_request: Request) -> Response:
        return PlainTextResponse("answered")

    app = Starlette(routes=[Route("/", limited_by_address(answer, spend))])
    transport = httpx.ASGITransport(app, client=client)
    async with httpx.AsyncClient(transport=transport, base_url="https://a.test") as http:
        assert (await http.get("/", headers={"X-Forwarded-For": "203.0.113.9"})).text == "answered"
    assert seen == [counted]
