"""The Redis of the overlay: whom it serves with what, and what people see when it is gone and back."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
import redis
from redis.exceptions import NoPermissionError

from tests.deploy.rig.installation import Installation
from tests.deploy.rig.network import within
from tests.deploy.rig.pods import Pod
from tests.deploy.traffic.observed import Observed
from tests.deploy.traffic.sign_in import SignIn

pytestmark = [pytest.mark.anyio, pytest.mark.rig, pytest.mark.requirement("DP-11")]

SERVICES = ("auth-server", "mcp-gateway")
# Twice the deadline over what the store is asked, and something to spare.
ANSWERED_WITHIN = 10.0


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "command",
    ["KEYS *", "FLUSHALL", "CONFIG GET *", "SHUTDOWN", "MONITOR", "ACL LIST", "REPLICAOF NO ONE"],
)
def test_a_service_may_not_administer_it(staging: Installation, service: str, command: str) -> None:
    with pytest.raises(NoPermissionError):
        ask(staging, service, service, *command.split())


@pytest.mark.parametrize(("service", "other"), [SERVICES, SERVICES[::-1]])
def test_a_service_may_use_its_own_keys_alone(staging: Installation, service: str, other: str) -> None:
    assert ask(staging, service, service, "GET", f"{service}:x") is None
    with pytest.raises(NoPermissionError):
        ask(staging, service, service, "GET", f"{other}:x")


def test_who_has_no_password_may_ping_and_nothing_else(staging: Installation) -> None:
    assert ask(staging, "auth-server", None, "PING")
    with pytest.raises(NoPermissionError):
        ask(staging, "auth-server", None, "GET", "auth-server:x")


@pytest.mark.requirement("ST-05", "OP-03")
async def test_while_it_is_gone_people_are_told_to_wait_and_nothing_needs_a_restart(staging: Installation) -> None:
    pods = [pod for service in SERVICES for pod in staging.cluster.pods_of(service)]
    starts = [pod.starts for pod in pods]
    person = SignIn(staging, Observed())
    await person.run()
    refresh = person.client.refresh_form(person.tokens["refresh_token"])
    login = {"gateway_uri": f"{staging.public_url}/oauth/callback", "code_challenge": "x" * 43}
    async with gone(staging):
        # By the ingress controller, which soon would not ask them any more, since they are not ready.
        for pod in staging.cluster.pods_of("auth-server"):
            page = await answer_of(
                staging, pod, partial(httpx.get, url=f"http://{pod.address}:8080/login", params=login)
            )
            assert "Wait a moment" in page.text
        for pod in staging.cluster.pods_of("mcp-gateway"):
            url = f"http://{pod.address}:8090/oauth/token"
            refused = await answer_of(staging, pod, partial(httpx.post, url=url, data=refresh))
            assert refused.json()["error"] == "temporarily_unavailable"
        await in_a_thread(staging, lambda: not any(pod.is_ready for pod in pods), "no service is ready")
    await check_still_signed_in(staging, person)
    assert [pod.starts for pod in pods] == starts


@pytest.mark.requirement("ST-04")
@pytest.mark.parametrize("how", ["killed", "restarted"])
async def test_what_it_was_given_survives_it(staging: Installation, how: str) -> None:
    person = SignIn(staging, Observed())
    await person.run()
    (pod,) = staging.cluster.pods_of("redis")
    if how == "killed":
        pod.kill()
        await in_a_thread(staging, lambda: pod.starts == 2 and pod.is_ready, "Redis is back")
    else:
        await anyio.to_thread.run_sync(staging.cluster.stateful_sets["redis"].restart)
    await anyio.to_thread.run_sync(staging.cluster.wait_until_ready)
    await check_still_signed_in(staging, person)


@asynccontextmanager
async def gone(staging: Installation) -> AsyncIterator[None]:
    """It is, until the context ends; then everybody is ready again."""
    await anyio.to_thread.run_sync(staging.cluster.stateful_sets["redis"].stop)
    try:
        yield
    finally:
        staging.cluster.stateful_sets["redis"].scale_up()
        await anyio.to_thread.run_sync(staging.cluster.wait_until_ready)


async def answer_of(staging: Installation, pod: Pod, send: Callable[..., httpx.Response]) -> httpx.Response:
    """Answered in time, with a 503 that says when to come back."""
    ask = partial(send, headers={"Host": staging.public_url.removeprefix("https://")}, trust_env=False, timeout=30)
    began = time.monotonic()
    answer = await anyio.to_thread.run_sync(within, staging.ingress.sandbox.namespace, ask)
    assert time.monotonic() - began < ANSWERED_WITHIN
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True), pod.name
    return answer


async def check_still_signed_in(staging: Installation, person: SignIn) -> None:
    """Who was signed in before calls, and gets other tokens."""
    async with staging.http(person.person) as program:
        await person.call(program)
        await person.refresh(program)
        await person.call(program)


async def in_a_thread(staging: Installation, is_so: Any, what: str) -> None:
    await anyio.to_thread.run_sync(partial(staging.cluster.wait_until, is_so, what))


def ask(staging: Installation, source: str, user: str | None, *command: str) -> Any:
    """The reply to `user`, None for somebody without a password, who connects from a pod of `source`."""
    (pod, *_) = staging.cluster.pods_of(source)
    address, port = staging.cluster.services.place_of("authproxy", "redis", "redis")
    credentials = (
        staging.store[f"authproxy/{user}"]["redis_url"].strip().rpartition("@")[0] + "@" if user else "redis://"
    )

    def answer() -> Any:
        with redis.Redis.from_url(f"{credentials}{address}:{port}/0", socket_timeout=5) as client:
            return client.execute_command(*command)

    return within(pod.sandbox.namespace, answer)
