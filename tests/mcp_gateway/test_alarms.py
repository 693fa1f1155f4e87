"""What smells of an attack is an audit event: counted, logged without a secret, and nothing else happens."""

from typing import Any

import pytest

from tests.support.gateway import GATEWAY, REDIRECT_URI, World

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-03", "AZ-01", "AZ-06")]


async def alarms(world: World) -> set[str]:
    """The names of the events that happened."""
    metrics = (await world.http.get(f"{GATEWAY}/metrics")).text
    lines = [line for line in metrics.splitlines() if line.startswith("authproxy_events_total{")]
    return {line.partition('event="')[2].partition('"')[0] for line in lines if not line.endswith(" 0.0")}


async def test_an_ordinary_sign_in_raises_none(world: World) -> None:
    client = await world.register()
    tokens = await world.tokens(client)
    await world.token(client.refresh_form(tokens["refresh_token"]))
    expected = {"client_registered", "consent_asked", "consent_given", "code_issued", "tokens_issued"}
    assert await alarms(world) == expected | {"tokens_refreshed"}


@pytest.mark.parametrize(
    ("redirect_uri", "is_alarm"),
    [("https://evil.test/cb", True), (f"{REDIRECT_URI}/more", True), (REDIRECT_URI, False), (None, False)],
)
async def test_a_redirect_uri_of_somebody_else(world: World, redirect_uri: str | None, is_alarm: bool) -> None:
    client = await world.register()
    await world.http.get(client.authorization_url(redirect_uri=redirect_uri))
    assert ("redirect_uri_mismatch" in await alarms(world)) is is_alarm


async def test_a_callback_with_a_state_that_nobody_sent(world: World) -> None:
    await world.browser.open(f"{GATEWAY}/oauth/callback?code=gc_x&state=st_guessed")
    assert "state_unknown" in await alarms(world)


@pytest.mark.parametrize("step", ["consent", "sign_in"])
async def test_a_step_in_another_browser_than_the_one_before(world: World, step: str) -> None:
    page = await world.browser.open((await world.register()).authorization_url())
    stranger = world.new_browser()
    if step == "consent":
        await stranger.submit(page, {"decision": "approve"})
    else:
        form = page.forms[0].fields | {"decision": "approve"}
        approved = await world.browser.http.post(f"{GATEWAY}/oauth/consent", data=form)
        login = await world.http.get(approved.headers["location"])
        await stranger.open(login.headers["location"])
    assert "browser_mismatch" in await alarms(world)


MISUSES: list[Any] = [
    pytest.param({"redirect_uri": "http://127.0.0.1:1/other"}, id="another redirect_uri"),
    pytest.param({"code_verifier": "a" * 43}, id="another verifier"),
    pytest.param({"code_verifier": None}, id="no verifier"),
]


@pytest.mark.requirement("TK-01")
@pytest.mark.parametrize("changed", MISUSES)
async def test_a_code_presented_by_somebody_who_did_not_ask_for_it(world: World, changed: dict[str, Any]) -> None:
    client = await world.register()
    answer = await world.token(client.code_form(await world.code(client), **changed))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "code_misused" in await alarms(world)
