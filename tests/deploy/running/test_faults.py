"""What becomes of everybody while a replica, a rollout, Redis or its primary fails. The figures are printed in the end.

Nothing passes faster here than in a cluster. What counts as finished, retried and lost is said in tests/deploy/traffic.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial

import anyio
import pytest

from tests.deploy.rig.installation import Installation, running_installation
from tests.deploy.rig.managed_redis import RedisCluster, Sentinels, answers
from tests.deploy.rig.pods import Pod
from tests.deploy.traffic.figures import Figures
from tests.deploy.traffic.load import Load, under_load

pytestmark = [pytest.mark.anyio, pytest.mark.rig, pytest.mark.requirement("DP-12")]

SERVICES = ("auth-server", "mcp-gateway")
# Until everybody knows that a pod is ready, or is not.
LAG = 1.0
SETTLED_WITHIN = 5.0
# What may end an authorization while Redis is away: an error that says to try again, or a step that was used up by a
# request whose answer was 503, or got lost.
MAY_START_OVER = ("temporarily_unavailable", "a page that says to connect again", "had used the code")


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with running_installation("staging", lag=LAG) as running:
        yield running


@pytest.mark.requirement("ST-04")
async def test_replicas_that_are_killed_lose_no_sign_in(installation: Installation, rows: list[Figures]) -> None:
    replicas = [pod for pair in zip(*map(installation.cluster.pods_of, SERVICES), strict=True) for pod in pair]
    async with under_load(installation, sign_ins=200) as load:
        for number, pod in enumerate(replicas):
            await load.until_finished(20 + 45 * number)
            pod.kill()
            await until(installation, partial(has_come_back, pod), f"{pod.name} is back")
    rows.append(Figures("each replica killed", load))
    check_nobody_lost_anything(rows[-1])
    assert all(answer.status in {0, 502} or answer.retry_after for answer in load.observed.failures)


async def test_a_rolling_restart_of_everything_loses_nothing(installation: Installation, rows: list[Figures]) -> None:
    cluster = installation.cluster
    async with under_load(installation, sign_ins=40) as load:
        async with anyio.create_task_group() as restarting:
            for service in SERVICES:
                restarting.start_soon(anyio.to_thread.run_sync, cluster.deployments[service].restart)
        began = time.monotonic()
        await anyio.to_thread.run_sync(cluster.stateful_sets["redis"].restart)
        await anyio.to_thread.run_sync(cluster.wait_until_ready)
        took = time.monotonic() - began
    rows.append(Figures("rolling restart of everything, Redis last", load, took))
    check_nobody_lost_anything(rows[-1])
    check_only_told_to_wait(load, began, took)


async def test_redis_killed_and_restarted_signs_nobody_out(installation: Installation, rows: list[Figures]) -> None:
    (pod,) = installation.cluster.pods_of("redis")
    async with under_load(installation, sign_ins=40) as load:
        await load.until_finished(10)
        began = time.monotonic()
        pod.kill()
        await until(installation, partial(has_come_back, pod), "Redis is back")
        took = time.monotonic() - began
    rows.append(Figures("Redis killed", load, took))
    check_nobody_lost_anything(rows[-1])
    check_only_told_to_wait(load, began, took)


@pytest.mark.parametrize(
    ("redis", "fault"),
    [
        pytest.param(Sentinels(), "primary behind Sentinels killed", id="Sentinels"),
        pytest.param(RedisCluster(), "primary of a Cluster killed", id="Cluster"),
    ],
)
async def test_a_primary_that_is_killed_signs_nobody_out(
    redis: Sentinels | RedisCluster, fault: str, rows: list[Figures]
) -> None:
    with running_installation("production", redis=redis, lag=LAG) as installation:
        async with under_load(installation, sign_ins=40) as load:
            await load.until_finished(10)
            primary, began = redis.primary(), time.monotonic()
            primary.pod.kill()
            await until(
                installation, lambda: answers(lambda: redis.primary() is not primary), "there is another primary"
            )
            took = time.monotonic() - began
    rows.append(Figures(fault, load, took))
    check_nobody_lost_anything(rows[-1])
    check_only_told_to_wait(load, began, took)


def check_nobody_lost_anything(figures: Figures) -> None:
    """Every sign-in was finished, and who was signed in before is so still."""
    assert figures.lost == []
    assert figures.load.signed_out == []


def check_only_told_to_wait(load: Load, began: float, took: float) -> None:
    """Errors say when to come back, and end soon after what caused them."""
    failures = load.observed.failures
    assert {(answer.status, answer.retry_after is not None) for answer in failures} <= {(503, True)}
    over = {reason for sign_in in load.sign_ins for reason in sign_in.started_over}
    assert all(reason.endswith(MAY_START_OVER) for reason in over), over
    assert max((answer.at for answer in failures), default=began) <= began + took + SETTLED_WITHIN


def has_come_back(pod: Pod) -> bool:
    """Whether a pod that was killed has started again, and is ready."""
    return pod.starts > 1 and pod.is_ready


async def until(installation: Installation, is_so: Callable[[], bool], what: str) -> None:
    """Return once it is so, and everybody knows."""
    await anyio.to_thread.run_sync(partial(installation.cluster.wait_until, is_so, what))
    await anyio.to_thread.run_sync(installation.cluster.wait_until_ready)
