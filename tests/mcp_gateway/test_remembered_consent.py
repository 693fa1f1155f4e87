"""Consent that is remembered: by which browser, for what, for how long; shown and withdrawn."""

from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt

from authproxy_common.clock import utc_now
from authproxy_common.records import open_store
from authproxy_common.secret import Secret
from mcp_gateway.settings import ClientSettings, RateLimitSettings, ServerSettings
from tests.support.browser import Browser, Page
from tests.support.gateway import AUTH, GATEWAY, REDIRECT_URI, UPSTREAM, ClientApp, World, answer_of
from tests.support.observed_store import ObservedStore
from tests.support.watched_store import WatchedStore

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AZ-04")]

PAGE = f"{GATEWAY}/account/consents"
SCOPES: dict[str, Any] = {"read": "Read pages", "write": "Change pages"}
WEB = "https://editor.example/cb"


async def asks(world: World, client: ClientApp, browser: Browser | None = None, **changed: str | None) -> bool:
    """Whether a person is asked."""
    page = await (browser or world.browser).open(client.authorization_url(**changed))
    assert page.status == 200, page.text
    return page.asks_for_consent


async def test_who_allowed_a_client_is_not_asked_again_and_the_sign_in_is_as_good(world: World) -> None:
    client = await world.register()
    assert await asks(world, client)
    await world.authorize(client)
    page = await world.browser.open(client.authorization_url())
    assert not page.asks_for_consent
    answer = await world.token(client.code_form(answer_of(page)["code"]))
    assert (await world.call(answer.json()["access_token"])).status_code == 200


async def test_who_only_saw_the_page_or_denied_is_asked_again(world: World) -> None:
    client = await world.register()
    page = await world.browser.open(client.authorization_url())
    assert await asks(world, client)
    await world.browser.submit(page, {"decision": "deny"})
    assert await asks(world, client)


async def test_another_browser_and_another_client_are_asked(world: World) -> None:
    client = await world.register()
    await world.authorize(client)
    assert await asks(world, client, world.new_browser())
    assert await asks(world, await world.register())


async def test_a_client_that_asks_for_consent_gets_the_page(world: World) -> None:
    client = await world.register()
    await world.authorize(client)
    assert await asks(world, client, prompt="login consent")
    assert not await asks(world, client, prompt="login")


async def test_another_destination_is_asked_about_and_another_loopback_port_is_not(world: World) -> None:
    client = await world.register(redirect_uris=[REDIRECT_URI, "cursor://callback", WEB])
    await world.authorize(client)
    assert await asks(world, client, redirect_uri="cursor://callback")
    assert await asks(world, client, redirect_uri=WEB)
    page = await world.browser.http.get(client.authorization_url(redirect_uri="http://127.0.0.1:9/callback"))
    assert page.status_code == 302


async def test_more_scope_is_asked_about_and_less_is_not() -> None:
    world = World(servers={"default": ServerSettings(url=f"{UPSTREAM}/mcp", scopes=SCOPES, required_scopes=("read",))})
    client = await world.register()
    await world.authorize(client, scope="read")
    assert not await asks(world, client, scope="read")
    assert await asks(world, client, scope="read write")
    assert await asks(world, client, scope=None)
    await world.authorize(client, scope="read write")
    assert not await asks(world, client, scope="write")


async def test_another_mcp_server_is_asked_about() -> None:
    world = World(servers={name: ServerSettings(url=f"{UPSTREAM}/mcp") for name in ("default", "wiki")})
    client = await world.register()
    await world.authorize(client)
    assert await asks(world, client, resource=f"{GATEWAY}/wiki/mcp")


@pytest.mark.parametrize(("after", "asked"), [(timedelta(days=29, hours=23), False), (timedelta(days=30), True)])
async def test_consent_is_remembered_for_its_time(after: timedelta, asked: bool) -> None:
    store = ObservedStore(open_store(Secret("memory://")), utc_now)
    world = World(store)
    store.now = world.clock
    client = await world.register()
    await world.authorize(client)
    world.clock.advance(after)
    assert await asks(world, client) is asked


async def test_the_browser_keeps_its_cookie_for_as_long_as_consents_may_matter() -> None:
    world = World(consent_ttl_seconds=60 * 24 * 3600)
    page = await world.http.get((await world.register()).authorization_url())
    assert f"Max-Age={90 * 24 * 3600}" in page.headers["set-cookie"]


async def test_where_the_operator_wants_people_asked_every_time_they_are_and_can_still_withdraw() -> None:
    world = World(consent_ttl_seconds=0)
    client = await world.register()
    tokens = await world.tokens(client)
    assert await asks(world, client)
    page = await world.browser.open(PAGE)
    assert len(page.forms) == 1
    await world.browser.submit(page, {})
    world.clock.advance(timedelta(seconds=2))
    assert (await world.call(tokens["access_token"])).status_code == 401


async def test_allowing_the_same_again_is_one_consent_with_one_id() -> None:
    world = World(consent_ttl_seconds=0)
    client = await world.register()
    first, second = await world.tokens(client), await world.tokens(client)
    page = await world.browser.open(PAGE)
    assert len(page.forms) == 1
    await world.browser.submit(page, {})
    world.clock.advance(timedelta(seconds=2))
    for tokens in (first, second):
        assert (await world.call(tokens["access_token"])).status_code == 401


@pytest.mark.requirement("TK-06")
async def test_a_consent_can_be_withdrawn_for_as_long_as_anything_is_left_of_what_was_granted() -> None:
    store = ObservedStore(open_store(Secret("memory://")), utc_now)
    world = World(store, consent_ttl_seconds=3600)
    store.now = world.clock
    client = await world.register()
    world.clock.advance(timedelta(minutes=59))
    tokens = await world.tokens(client)
    world.clock.advance(timedelta(days=29))
    assert await asks(world, client)
    await world.browser.submit(await world.browser.open(PAGE), {})
    answer = await world.token(client.refresh_form(tokens["refresh_token"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_consent_withdrawn_while_nobody_is_asked_is_not_given_anew(world: World) -> None:
    client = await world.register()
    await world.tokens(client)
    page = await world.browser.open(PAGE)

    async def withdrawn_meanwhile(key: str) -> None:
        if key.startswith("mcp-gateway:sign-in:"):
            store.before_put = None
            await world.browser.submit(page, {})

    store = WatchedStore(world.store)
    world.store = store
    world.app = world.replica()
    quick = world.new_browser()
    quick.http.cookies.update(world.browser.http.cookies)
    store.before_put = withdrawn_meanwhile
    code = answer_of(await quick.open(client.authorization_url()))["code"]
    tokens = (await world.token(client.code_form(code))).json()
    world.clock.advance(timedelta(seconds=2))
    assert (await world.call(tokens["access_token"])).status_code == 401
    assert (await world.browser.open(PAGE)).forms == []


async def test_consent_is_remembered_at_every_replica(world: World) -> None:
    client = await world.register()
    await world.authorize(client)
    world.app = world.replica()
    elsewhere = world.new_browser()
    elsewhere.http.cookies.update(world.browser.http.cookies)
    assert not await asks(world, client, elsewhere)


async def test_a_client_that_the_operator_trusts_is_not_asked_about_and_leaves_nothing_to_withdraw() -> None:
    world = World(clients={"trusted": ClientSettings(redirect_uris=(REDIRECT_URI,), skip_consent=True)})
    client = ClientApp("trusted")
    assert not await asks(world, client)
    assert (await world.tokens(client))["access_token"]
    assert "Nothing" in (await world.browser.open(PAGE)).text


@pytest.mark.requirement("AZ-06")
async def test_the_state_is_tied_to_the_browser_also_where_nobody_is_asked(world: World) -> None:
    client = await world.register()
    await world.authorize(client)
    begun = await world.browser.http.get(client.authorization_url())
    assert begun.headers["location"].startswith(AUTH)
    callback = (await world.http.get(begun.headers["location"])).headers["location"]
    refused = await world.new_browser().open(callback)
    assert (refused.status, "another browser" in refused.text) == (400, True)


async def given(world: World, *clients: ClientApp) -> Page:
    """The page of what was allowed, after `clients` were."""
    for client in clients:
        await world.tokens(client)
    return await world.browser.open(PAGE)


async def test_what_was_allowed_is_shown_in_the_browser_that_allowed_it(world: World) -> None:
    page = await given(world, await world.register(client_name="Editor <b>"), await world.register())
    assert len(page.forms) == 2
    for words in ("Editor &lt;b&gt;", f"{GATEWAY}/mcp", "127.0.0.1", "Use the tools, resources and prompts"):
        assert words in page.text
    elsewhere = await world.new_browser().open(PAGE)
    assert (elsewhere.forms, "Nothing" in elsewhere.text) == ([], True)


@pytest.mark.requirement("TK-06")
async def test_withdrawing_ends_what_was_granted_at_every_replica_and_asks_again(world: World) -> None:
    client, other = await world.register(), await world.register(client_name="Other")
    kept = await world.tokens(other)
    first, second = await world.tokens(client), await world.tokens(client)
    for tokens in (first, second, kept):
        assert (await world.call(tokens["access_token"])).status_code == 200
    page = await world.browser.open(PAGE)
    index = next(i for i, part in enumerate(page.text.split("<section")[1:]) if "Editor" in part)
    after = await world.browser.submit(page, {}, form=index)
    assert (after.url, len(after.forms)) == (PAGE, 1)
    world.clock.advance(timedelta(seconds=2))
    for tokens in (first, second):
        assert (await world.call(tokens["access_token"])).status_code == 401
        answer = await world.token(client.refresh_form(tokens["refresh_token"]))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await world.call(kept["access_token"])).status_code == 200
    assert await asks(world, client)
    assert not await asks(world, other)
    assert (await world.call((await world.tokens(client))["access_token"])).status_code == 200


@pytest.mark.requirement("TK-06")
async def test_a_sign_in_under_way_when_its_consent_is_withdrawn_leads_nowhere(world: World) -> None:
    client = await world.register()
    await world.tokens(client)
    code = await world.code(client)
    await world.browser.submit(await world.browser.open(PAGE), {})
    tokens = (await world.token(client.code_form(code))).json()
    world.clock.advance(timedelta(seconds=2))
    assert (await world.call(tokens["access_token"])).status_code == 401


@pytest.mark.requirement("AZ-05")
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_withdrawal_sent_from_elsewhere_is_refused(world: World, site: str) -> None:
    page = await given(world, await world.register())
    world.browser.headers["Sec-Fetch-Site"] = site
    assert (await world.browser.submit(page, {})).status == 400
    assert len((await world.browser.open(PAGE)).forms) == 1


@pytest.mark.requirement("AZ-05")
@pytest.mark.parametrize("key", ["", "guess", "ü" * 43])
async def test_a_withdrawal_without_the_key_of_its_page_is_refused(world: World, key: str) -> None:
    page = await given(world, await world.register())
    refused = await world.browser.submit(page, {"withdrawal_key": key})
    assert (refused.status, "What to do" in refused.text) == (400, True)
    assert len((await world.browser.open(PAGE)).forms) == 1


@pytest.mark.requirement("AZ-05")
async def test_nobody_withdraws_in_another_browser(world: World) -> None:
    page = await given(world, await world.register())
    stranger = world.new_browser()
    await given_in(stranger, world)
    assert (await stranger.submit(page, {})).status == 400
    assert len((await world.browser.open(PAGE)).forms) == 1


async def given_in(browser: Browser, world: World) -> None:
    client = await world.register()
    await browser.submit(await browser.open(client.authorization_url()), {"decision": "approve"})


@pytest.mark.requirement("OP-02")
async def test_what_ends_a_consent_is_in_no_token_that_a_client_holds(world: World) -> None:
    client = await world.register()
    token = (await world.tokens(client))["access_token"]
    page = await world.browser.open(PAGE)
    claims = jwt.decode(token, world.signing_keys.ring, algorithms=["ES256"]).claims
    assert page.forms[0].fields["withdrawal_key"] not in claims.values()


@pytest.mark.requirement("TK-06")
async def test_one_consent_too_many_ends_the_oldest_for_nobody_could_withdraw_it() -> None:
    world = World(rate_limits=RateLimitSettings(register="unlimited", authorize="unlimited"))
    clients, tokens = [await world.register(client_name=f"Client {index}") for index in range(33)], []
    for client in clients:
        tokens.append(await world.tokens(client))
        world.clock.advance(timedelta(seconds=2))
    assert len((await world.browser.open(PAGE)).forms) == 32
    assert [(await world.call(each["access_token"])).status_code for each in tokens] == [401, *[200] * 32]
    assert await asks(world, clients[0])
    assert not await asks(world, clients[1])


@pytest.mark.requirement("AZ-05", "OP-08")
async def test_the_page_cannot_be_framed_cached_or_scripted(world: World) -> None:
    headers = (await given(world, await world.register())).response.headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")
