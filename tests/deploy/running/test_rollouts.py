"""Rolling restarts while people are at it."""

from collections import Counter
from typing import Any

import anyio
import pytest

from tests.deploy.rig.installation import Installation, running_installation
from tests.deploy.rig.manifests import Manifests
from tests.deploy.rig.pods import Pod
from tests.deploy.running.conftest import LAG, PACE
from tests.deploy.traffic.load import under_load
from tests.support.person import call

pytestmark = [pytest.mark.anyio, pytest.mark.rig, pytest.mark.requirement("DP-11")]

SERVICES = ("auth-server", "mcp-gateway")


@pytest.mark.requirement("RS-06")
async def test_nobody_notices_a_rolling_restart(staging: Installation) -> None:
    """Although it takes a while until everybody has heard that a pod is going, and some calls take longer."""
    over, statuses = anyio.Event(), Counter[int]()
    async with under_load(staging, sign_ins=1, at_a_time=2) as load, anyio.create_task_group() as tasks:
        tasks.start_soon(make_long_calls, staging, over)
        tasks.start_soon(ask_without_a_pause, staging, over, statuses)
        before = [pod for pods in await restarted(staging, *SERVICES) for pod in pods]
        over.set()
    assert set(statuses) == {200}
    assert load.observed.failures == []
    assert not any(sign_in.was_retried or sign_in.lost for sign_in in load.sign_ins)
    assert load.signed_out == []
    for pod in before:
        await anyio.to_thread.run_sync(pod.join, 60)
        assert not pod.was_killed


async def test_a_rolling_restart_without_the_pause_before_it_is_noticed() -> None:
    """So the test above proves that the pause is there, and long enough."""
    over, statuses = anyio.Event(), Counter[int]()
    with running_installation("staging", edit=without_the_pause, pace=PACE, lag=LAG) as installation:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_without_a_pause, installation, over, statuses)
            await restarted(installation, "mcp-gateway")
            over.set()
    assert set(statuses) == {200, 502}


async def ask_without_a_pause(installation: Installation, over: anyio.Event, statuses: Counter[int]) -> None:
    """Hundreds of requests a second that any gateway answers, each at one of them by chance."""
    async with installation.http(installation.new_person(), base_url=installation.public_url) as http:
        while not over.is_set():
            statuses[(await http.get("/.well-known/oauth-authorization-server")).status_code] += 1


async def make_long_calls(installation: Installation, over: anyio.Event) -> None:
    """One after the other, so that there is one under way whenever a replica ends."""
    person = installation.person()
    async with person.client(installation.mcp_url) as client:
        while not over.is_set():
            assert await call(client, "count", upto=40) == "counted to 40"
    assert person.sign_ins == 1
    await person.aclose()


def without_the_pause(manifests: Manifests) -> Manifests:
    """The gateway ends as soon as it is told to."""

    def edit(deployment: dict[str, Any]) -> None:
        del deployment["spec"]["template"]["spec"]["containers"][0]["lifecycle"]

    return manifests.edited("Deployment", "mcp-gateway", edit)


async def restarted(installation: Installation, *services: str) -> list[list[Pod]]:
    """Restart Deployments at the same time; the pods that each had before."""
    before: list[list[Pod]] = []

    async def restart(service: str) -> None:
        before.append(await anyio.to_thread.run_sync(installation.cluster.deployments[service].restart))

    async with anyio.create_task_group() as tasks:
        for service in services:
            tasks.start_soon(restart, service)
    return before
