"""Providers that are down, or take requests and never answer. Here the event loop's clock jumps: nobody waits."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import TaskGroup

from tests.support.auth_server import ATTEMPTS, CODES, AuthServerWorld, check_json, check_sent_back
from tests.support.gate import Gate
from tests.support.hurried_loop import HurriedLoop, settle, skip

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-04")]

BOUND = timedelta(seconds=10)
MOMENT = timedelta(seconds=1)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": HurriedLoop}


@pytest.fixture(autouse=True)
def patient(auth: AuthServerWorld) -> None:
    auth.patience = 6 * BOUND


async def test_a_provider_that_is_down_at_login_is_reported_to_the_gateway(auth: AuthServerWorld) -> None:
    auth.provider.is_down = True

    check_sent_back(await auth.login(), "temporarily_unavailable")
    assert not auth.store.written

    auth.provider.is_down = False
    assert (await auth.login()).status_code == 302


async def test_a_provider_that_is_down_at_the_callback_is_reported_to_the_gateway(auth: AuthServerWorld) -> None:
    callback = await auth.begin()
    auth.provider.is_down = True

    check_sent_back(await auth.get(callback), "temporarily_unavailable")
    assert not auth.store.kept(CODES)

    auth.provider.is_down = False
    assert "code=" in (await auth.complete()).headers["location"]


@pytest.mark.requirement("OP-03")
async def test_failures_of_a_provider_are_counted_and_leave_us_ready(auth: AuthServerWorld) -> None:
    auth.provider.is_down = True
    await auth.login()
    await auth.login()

    metrics = (await auth.get("/metrics")).text
    assert 'authproxy_dependency_failures_total{dependency="identity provider"} 2.0' in metrics
    assert (await auth.get("/health/ready")).status_code == 200


class Waiting:
    """Requests that were sent, and the answers that came so far."""

    def __init__(self, tasks: TaskGroup, *asks: Callable[[], Awaitable[httpx.Response]]) -> None:
        self.answers: list[httpx.Response] = []
        self._expected, self._all_answered = len(asks), anyio.Event()
        for ask in asks:
            tasks.start_soon(self._wait, ask)

    async def check_still_waiting_after(self, passed: timedelta) -> None:
        skip(passed)
        await settle()
        assert not self.answers

    async def check_answered_after(self, passed: timedelta) -> None:
        skip(passed)
        with anyio.fail_after(MOMENT.total_seconds()):
            await self._all_answered.wait()

    async def _wait(self, ask: Callable[[], Awaitable[httpx.Response]]) -> None:
        self.answers.append(await ask())
        if len(self.answers) == self._expected:
            self._all_answered.set()


async def answers_by_the_bound(gate: Gate, *asks: Callable[[], Awaitable[httpx.Response]]) -> list[httpx.Response]:
    """What is answered to whom the provider leaves waiting: nothing at first, and something by the bound."""
    async with anyio.create_task_group() as tasks:
        waiting = Waiting(tasks, *asks)
        await gate.wait_until_reached()
        await waiting.check_still_waiting_after(BOUND - MOMENT)
        await waiting.check_answered_after(MOMENT)
    return waiting.answers


@pytest.mark.parametrize("endpoint", ["metadata", "keys", "token"])
async def test_a_provider_that_never_answers_is_reported_to_the_gateway_within_the_bound(
    auth: AuthServerWorld, endpoint: str
) -> None:
    gate = auth.provider.gates[endpoint] = Gate()
    if endpoint == "metadata":
        (answer,) = await answers_by_the_bound(gate, auth.login)
    else:
        callback = await auth.begin()
        (answer,) = await answers_by_the_bound(gate, lambda: auth.get(callback))

    check_sent_back(answer, "temporarily_unavailable")
    assert len(auth.store.kept(ATTEMPTS)) == (0 if endpoint == "metadata" else 1)
    assert not auth.store.kept(CODES)

    auth.provider.gates.clear()
    assert "code=" in (await auth.complete()).headers["location"]


async def test_a_provider_that_never_answers_a_refresh_is_a_reason_to_try_again(auth: AuthServerWorld) -> None:
    refresh_token = (await auth.tokens())["refresh_token"]
    gate = auth.provider.gates["token"] = Gate()

    (answer,) = await answers_by_the_bound(gate, lambda: auth.refresh(refresh_token))

    check_json(answer, 503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.requirement("BR-07")
async def test_a_provider_that_never_answers_about_a_token_leaves_nobody_waiting_and_nothing_behind(
    auth: AuthServerWorld,
) -> None:
    access_token = await auth.access_token()
    gate = auth.provider.gates["userinfo"] = Gate()

    answers = await answers_by_the_bound(gate, *[lambda: auth.validate(access_token)] * 3)

    assert auth.provider.times_asked("userinfo") == 1
    for answer in answers:
        check_json(answer, 503, "temporarily_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    auth.provider.gates.clear()
    assert (await auth.validate(access_token)).status_code == 200


async def test_one_bound_covers_all_that_a_callback_asks_of_the_provider(auth: AuthServerWorld) -> None:
    slow, silent = Gate(), Gate()
    auth.provider.gates = {"token": slow, "keys": silent}
    callback = await auth.begin()

    async with anyio.create_task_group() as tasks:
        waiting = Waiting(tasks, lambda: auth.get(callback))
        await slow.wait_until_reached()
        await waiting.check_still_waiting_after(BOUND - MOMENT)
        slow.opened.set()
        await silent.wait_until_reached()
        await waiting.check_answered_after(MOMENT)

    check_sent_back(waiting.answers[0], "temporarily_unavailable")
    assert not auth.store.kept(CODES)


async def test_whoever_waits_behind_another_waits_no_longer(auth: AuthServerWorld) -> None:
    gate = auth.provider.gates["metadata"] = Gate()

    answers = await answers_by_the_bound(gate, auth.login, auth.login, auth.login)

    assert auth.provider.times_asked("metadata") == 1
    for answer in answers:
        check_sent_back(answer, "temporarily_unavailable")
    assert not auth.store.written
