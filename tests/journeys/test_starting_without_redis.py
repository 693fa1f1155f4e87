"""Processes that start before their Redis does: they live, are not ready, and need no restart when it is there."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import httpx
import pytest

from tests.journeys.test_refusals_at_start import FILES, SOUND
from tests.support.servers import Program, RedisServer, answers, free_port, running, wait_until
from tests.support.stack import BINARIES, ROOT

pytestmark = pytest.mark.requirement("OP-03", "ST-05")

PORTS = {"auth-server": "OAUTH2", "mcp-gateway": "MCP"}


@contextmanager
def serving(program: str, **variables: str) -> Iterator[tuple[str, str, Program]]:
    """The process, as it is configured in production; where it serves, and where it answers its operator."""
    public, management = free_port(), free_port()
    prefix = PORTS[program]
    own = {f"{prefix}_PORT": str(public), f"{prefix}_MANAGEMENT_PORT": str(management), f"{prefix}_HOST": "127.0.0.1"}
    command = [str(BINARIES / program), "serve", "--config", str(ROOT / FILES[program])]
    with running(command, {**SOUND, **own, **variables}, partial(answers, management), program) as process:
        yield f"http://127.0.0.1:{public}", f"http://127.0.0.1:{management}", process


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=10, trust_env=False)


def status_of_ready(management: str) -> int:
    return get(f"{management}/health/ready").status_code


def exchange(origin: str) -> httpx.Response:
    """A call of the auth server that asks the store."""
    form = {"code": "gc_x", "gateway_uri": "https://mcp.example.com/oauth/callback"}
    return httpx.post(f"{origin}/gateway-oauth/exchange", data=form, timeout=10, trust_env=False)


def register(origin: str) -> httpx.Response:
    """A call of the gateway that counts in the store."""
    metadata = {"client_name": "Editor", "redirect_uris": ["http://127.0.0.1/callback"]}
    return httpx.post(f"{origin}/oauth/register", json=metadata, timeout=10, trust_env=False)


def test_a_process_without_redis_lives_and_is_ready_as_soon_as_there_is_one(redis_server_binary: str) -> None:
    redis = RedisServer(redis_server_binary, free_port())
    calls = {"auth-server": (exchange, 400), "mcp-gateway": (register, 201)}
    with ExitStack() as started:
        started.callback(redis.stop)
        processes = {name: started.enter_context(serving(name, REDIS_URL=redis.url)) for name in FILES}
        for name, (origin, management, _) in processes.items():
            assert get(f"{management}/health/live").status_code == 200
            ready = get(f"{management}/health/ready")
            assert (ready.status_code, ready.json()["checks"]) == (503, {"redis": "unavailable"})
            refused = calls[name][0](origin)
            assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
            assert int(refused.headers["retry-after"]) > 0
        redis.start()
        for name, (origin, management, process) in processes.items():
            wait_until(lambda: status_of_ready(management) == 200, process.failure)  # noqa: B023  # called at once
            call, expected = calls[name]
            assert call(origin).status_code == expected
            assert "Traceback" not in process.read_output()


@pytest.mark.requirement("CF-05")
def test_a_plain_proxy_does_not_wait_for_redis() -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with serving("mcp-gateway", OAUTH2_ENABLED="false", REDIS_URL=nowhere, MCP_ENCRYPTION_KEYS="") as (_, at, _process):
        assert status_of_ready(at) == 200
