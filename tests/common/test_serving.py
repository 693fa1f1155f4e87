"""One process on one or two ports: what it says when it cannot start, and how it ends."""

import json
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from authproxy_common.http.serving import PortTakenError, _as_seen, serve
from tests.support.servers import Program, answers, free_port, running, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-07")]

PROGRAM = """
import asyncio, sys
from datetime import timedelta
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from authproxy_common.http.assembly import Surroundings, closing, layered, starlette_app
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.serving import serve
from authproxy_common.logs import configure_logging

class Pages: ...

class Resource:
    async def aclose(self):
        print('{"event": "closed"}', flush=True)

async def hello(request):
    return PlainTextResponse(f"{request.url.scheme} {request.client.host}")

async def fail(request):
    raise KeyError("a fault")

configure_logging("INFO")
ports, proxies = [int(port) for port in sys.argv[1:3]], sys.argv[3:]
metrics = Metrics()
health = HealthEndpoints({}, metrics)
around = Surroundings(health, metrics, Pages(), https=True, body_limit=100, management_port=ports[1])
app = starlette_app([Route("/hello", hello), Route("/fail", fail)], [], around, closing(Resource()))
asyncio.run(serve(layered(app, ["/hello", "/fail"], around), "127.0.0.1", ports, timedelta(seconds=1),
                  trusted_proxies=proxies))
"""


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture(scope="module")
def program(ports: tuple[int, int]) -> Iterator[Program]:
    command = [sys.executable, "-c", PROGRAM, *map(str, ports)]
    with running(command, {}, lambda: answers(ports[0]) and answers(ports[1]), "sample") as started:
        yield started


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


async def test_a_port_that_is_taken_is_named(taken: int) -> None:
    with pytest.raises(PortTakenError, match=f"cannot listen at 127.0.0.1 port {taken}: Address already in use"):
        await serve(Starlette(), "127.0.0.1", [taken], timedelta(seconds=1))


async def test_a_second_port_that_is_taken_leaves_the_first_one_free(taken: int) -> None:
    first = free_port()

    with pytest.raises(PortTakenError, match=f"port {taken}"):
        await serve(Starlette(), "127.0.0.1", [first, taken], timedelta(seconds=1))

    assert not answers(first)


async def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(PortTakenError, match=r"cannot listen at 192\.0\.2\.1 port"):
        await serve(Starlette(), "192.0.2.1", [free_port()], timedelta(seconds=1))


@pytest.mark.requirement("OP-03")
def test_each_port_serves_what_is_its_own(program: Program, ports: tuple[int, int]) -> None:
    public, management = (f"http://127.0.0.1:{port}" for port in ports)

    assert httpx.get(f"{public}/hello").status_code == 200
    assert httpx.get(f"{management}/hello").status_code == 404
    assert httpx.get(f"{management}/health/live").status_code == 200


@pytest.mark.requirement("OP-06")
def test_headers_of_a_proxy_change_nothing_and_the_server_is_not_named(
    program: Program, ports: tuple[int, int]
) -> None:
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1;proto=https"}

    response = httpx.get(f"http://127.0.0.1:{ports[0]}/hello", headers=forged)

    assert response.text == "http 127.0.0.1"
    assert "server" not in response.headers


@pytest.mark.requirement("OP-01")
def test_the_traceback_of_a_fault_is_in_the_log_under_its_request_id(program: Program, ports: tuple[int, int]) -> None:
    response = httpx.get(f"http://127.0.0.1:{ports[0]}/fail", headers={"X-Request-Id": "a-request-id"})

    assert response.status_code == 500
    wait_until(lambda: "KeyError" in program.read_output())
    lines: list[dict[str, Any]] = [json.loads(line) for line in program.read_output().splitlines()]
    traced = [line for line in lines if "KeyError" in line.get("exception", "")]
    assert "a-request-id" in {line.get("request_id") for line in traced}


@pytest.mark.requirement("ST-04")
def test_a_program_that_is_told_to_stop_closes_what_it_opened() -> None:
    ports = free_port(), free_port()
    command = [sys.executable, "-c", PROGRAM, *map(str, ports)]

    with running(command, {}, lambda: answers(ports[0]) and answers(ports[1]), "sample") as started:
        code = started.stop()
        output = started.read_output()

    assert code == -signal.SIGTERM
    assert '{"event": "closed"}' in output
    assert not any(answers(port) for port in ports)


@pytest.mark.requirement("OP-09", "OP-06")
@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        ([], "203.0.113.9", "127.0.0.1"),
        (["127.0.0.0/8"], "203.0.113.9", "203.0.113.9"),
        (["127.0.0.1"], "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (["127.0.0.1", "203.0.113.9"], "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (["10.0.0.0/8"], "203.0.113.9", "127.0.0.1"),
        (["127.1.2.3/8"], "203.0.113.9", "203.0.113.9"),
    ],
)
def test_a_forwarded_address_is_believed_from_trusted_proxies_alone(
    proxies: list[str], forwarded: str, seen: str
) -> None:
    ports = [free_port(), free_port()]
    command = [sys.executable, "-c", PROGRAM, *map(str, ports), *proxies]
    with running(command, {}, lambda: answers(ports[0]), "sample"):
        answer = httpx.get(
            f"http://127.0.0.1:{ports[0]}/hello", headers={"X-Forwarded-For": forwarded}, timeout=10, trust_env=False
        )
    assert answer.text.split()[1] == seen


@pytest.mark.requirement("OP-09")
def test_a_trusted_proxy_is_known_by_how_an_ipv6_socket_shows_it_too() -> None:
    assert _as_seen(["10.1.2.3/8", "192.0.2.1", "2001:db8::1/32"]) == [
        "10.0.0.0/8",
        "192.0.2.1/32",
        "2001:db8::/32",
        "::ffff:10.0.0.0/104",
        "::ffff:192.0.2.1/128",
    ]
