"""The Redis of the overlay: whom it serves with what, and what people see when it is gone and back."""

import time
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
import redis
from redis.exceptions import NoPermissionError

from tests.deploy.rig.installation import Installation
from tests.deploy.rig.network import within
from tests.deploy.traffic.observed import Observed
from tests.deploy.traffic.sign_in import SignIn

pytestmark = [pytest.mark.anyio, pytest.mark.rig, pytest.mark.requirement("DP-11")]

SERVICES = ("auth-server", "mcp-gateway")
# Of records.DEADLINE, and a second for everything else.
ANSWERED_WITHIN = 5.0


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
async def test_while_it_is_gone_people_are_told_to_wait_and_nothing_needs_a_restart(
    staging: Installation, http: httpx.AsyncClient
) -> None:
    pods = [pod for service in SERVICES for pod in staging.cluster.pods_of(service)]
    starts = [pod.starts for pod in pods]
    person = SignIn(staging, Observed())
    await person.run()
    await anyio.to_thread.run_sync(staging.cluster.stateful_sets["redis"].stop)
    began = time.monotonic()
    login = await http.get(
        "/login", params={"gateway_uri": f"{staging.public_url}/oauth/callback", "code_challenge": "x" * 43}
    )
    refresh = await http.post("/oauth/token", data=person.client.refresh_form(person.tokens["refresh_token"]))
    took = time.monotonic() - began
    assert (login.status_code, refresh.status_code, refresh.json()["error"]) == (503, 503, "temporarily_unavailable")
    assert int(login.headers["retry-after"]) > 0
    assert int(refresh.headers["retry-after"]) > 0
    assert "Wait a moment" in login.text
    assert took < 2 * ANSWERED_WITHIN
    await in_a_thread(staging, lambda: not any(pod.is_ready for pod in pods), "no service is ready")
    staging.cluster.stateful_sets["redis"].scale_up()
    await anyio.to_thread.run_sync(staging.cluster.wait_until_ready)
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
