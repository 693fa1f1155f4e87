"""A gateway that asks at every call makes few questions to the provider, and hears of every change within seconds."""

from dataclasses import replace
from datetime import timedelta

import anyio
import httpx
import pytest
from anyio.abc import TaskGroup
from starlette.responses import HTMLResponse

from tests.support.auth_server import AuthServerWorld, check_json, provider_settings
from tests.support.gate import Gate
from tests.support.network import virtual_network
from tests.support.openid_provider import IDP, OpenIDProvider

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-07")]

KEPT, MOMENT = timedelta(seconds=10), timedelta(milliseconds=1)
CALLERS = 5


async def test_the_provider_is_asked_once_in_ten_seconds(auth: AuthServerWorld) -> None:
    access_token = await auth.access_token()
    for asked in (1, 2):
        for _ in range(3):
            assert (await auth.validate(access_token)).status_code == 200
            assert (await auth.user_info(access_token)).json()["sub"] == "248289761001"
        auth.clock.advance(KEPT - MOMENT)
        assert (await auth.validate(access_token)).status_code == 200
        assert auth.provider.times_asked("userinfo") == asked
        auth.clock.advance(MOMENT)


async def test_a_refusal_is_kept_as_long(auth: AuthServerWorld) -> None:
    for asked in (1, 2):
        for _ in range(3):
            check_json(await auth.validate("unknown"), 401, "invalid_token")
        assert auth.provider.times_asked("userinfo") == asked
        auth.clock.advance(KEPT)


async def test_the_provider_is_asked_at_every_call_where_nothing_is_to_be_kept() -> None:
    auth = AuthServerWorld(proxy={"validation_cache_seconds": 0})
    access_token = await auth.access_token()

    for _ in range(3):
        await auth.validate(access_token)
    assert auth.provider.times_asked("userinfo") == 3


async def test_a_token_that_was_revoked_is_noticed_when_the_time_is_over(auth: AuthServerWorld) -> None:
    access_token = await auth.access_token()
    await auth.validate(access_token)
    form = {"token": access_token, "provider": "test"}
    assert (await auth.post("/gateway-oauth/revoke", data=form)).status_code == 200

    auth.clock.advance(KEPT)

    check_json(await auth.validate(access_token), 401, "invalid_token")


@pytest.mark.requirement("OP-04")
async def test_an_outage_is_not_kept_and_what_is_known_outlasts_it_no_longer_than_ever(auth: AuthServerWorld) -> None:
    access_token = await auth.access_token()
    auth.provider.is_down = True
    check_json(await auth.validate(access_token), 503, "temporarily_unavailable")
    auth.provider.is_down = False
    assert (await auth.validate(access_token)).status_code == 200

    auth.provider.is_down = True
    assert (await auth.validate(access_token)).status_code == 200
    auth.clock.advance(KEPT)
    check_json(await auth.validate(access_token), 503, "temporarily_unavailable")


async def test_what_one_provider_said_is_not_another_ones_word() -> None:
    auth = AuthServerWorld(providers=("one",))
    other = OpenIDProvider(auth.clock, issuer="https://other-idp.test")
    providers = {**auth.settings.providers, "other": provider_settings(other)}
    auth.settings = replace(auth.settings, providers=providers)
    auth.internet = virtual_network({IDP: auth.provider, other.issuer: other})
    auth.app = auth.replica()
    auth.browser = auth.another_browser()
    access_token = await auth.access_token(provider="one")

    assert (await auth.validate(access_token, provider="one")).status_code == 200
    check_json(await auth.validate(access_token, provider="other"), 401, "invalid_token")
    assert (await auth.validate(access_token, provider="one")).json()["provider"] == "one"
    assert (auth.provider.times_asked("userinfo"), other.times_asked("userinfo")) == (1, 1)


class Callers:
    """Several who ask about one token, and what they hear."""

    def __init__(self, auth: AuthServerWorld, access_token: str) -> None:
        self.auth, self.access_token = auth, access_token
        self.answers: list[httpx.Response] = []

    async def ask(self) -> None:
        self.answers.append(await self.auth.validate(self.access_token))

    async def all_wait(self, tasks: TaskGroup) -> None:
        """Return when each of them waits for the provider, or for another one's question."""
        for _ in range(CALLERS):
            tasks.start_soon(self.ask)
        await anyio.wait_all_tasks_blocked()
        assert self.answers == []


async def test_who_asks_at_once_shares_one_question(auth: AuthServerWorld) -> None:
    callers = Callers(auth, await auth.access_token())
    gate = auth.provider.gates["userinfo"] = Gate()

    async with anyio.create_task_group() as tasks:
        await callers.all_wait(tasks)
        gate.opened.set()

    assert [answer.status_code for answer in callers.answers] == [200] * CALLERS
    assert auth.provider.times_asked("userinfo") == 1


@pytest.mark.requirement("OP-04")
async def test_who_asks_at_once_shares_the_failure(auth: AuthServerWorld) -> None:
    callers = Callers(auth, await auth.access_token())
    gate = auth.provider.gates["userinfo"] = Gate()
    auth.provider.instead["userinfo"] = HTMLResponse("<h1>Maintenance</h1>", 503)

    async with anyio.create_task_group() as tasks:
        await callers.all_wait(tasks)
        gate.opened.set()

    assert len(callers.answers) == CALLERS
    for answer in callers.answers:
        check_json(answer, 503, "temporarily_unavailable")
    assert auth.provider.times_asked("userinfo") == 1


async def test_a_first_caller_who_leaves_takes_the_answer_from_nobody(auth: AuthServerWorld) -> None:
    callers = Callers(auth, await auth.access_token())
    never = auth.provider.gates["userinfo"] = Gate()
    leaving = anyio.CancelScope()

    async def ask_and_leave() -> None:
        with leaving:
            await callers.ask()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask_and_leave)
        await never.wait_until_reached()
        await callers.all_wait(tasks)
        assert auth.provider.times_asked("userinfo") == 1
        auth.provider.gates.clear()
        leaving.cancel()

    assert leaving.cancelled_caught
    assert [answer.status_code for answer in callers.answers] == [200] * CALLERS
    assert auth.provider.times_asked("userinfo") == 2
