"""Consent: what the page says, who can answer it, and what ties the callback to the browser."""

import pytest

from tests.support.browser import Page
from tests.support.gateway import AUTH, GATEWAY, REDIRECT_URI, World, answer_of

pytestmark = pytest.mark.anyio


async def consent_page(world: World, **metadata: object) -> Page:
    client = await world.register(**metadata)
    return await world.browser.open(client.authorization_url())


@pytest.mark.requirement("AZ-04")
async def test_the_page_names_client_destination_server_and_scopes(world: World) -> None:
    page = await consent_page(world, redirect_uris=["https://editor.example/cb"])
    for words in ("Editor", "editor.example", f"{GATEWAY}/mcp", "Use the tools", "Nobody has verified"):
        assert words in page.text


@pytest.mark.requirement("AZ-04")
async def test_the_page_warns_where_any_program_on_the_computer_could_get_the_code(world: World) -> None:
    assert "runs on your computer" in (await consent_page(world)).text
    both = await world.register(redirect_uris=[REDIRECT_URI, "https://editor.example/cb"])
    for redirect_uri, warns in ((REDIRECT_URI, True), ("https://editor.example/cb", False)):
        page = await world.browser.open(both.authorization_url(redirect_uri=redirect_uri))
        assert ("runs on your computer" in page.text) is warns


@pytest.mark.requirement("AZ-05", "OP-08")
async def test_the_page_cannot_be_framed_cached_or_scripted(world: World) -> None:
    headers = (await consent_page(world)).response.headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert "form-action" not in policy
    assert "unsafe" not in policy
    assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")
    assert headers["strict-transport-security"]


@pytest.mark.requirement("AZ-04")
async def test_who_denies_sends_the_client_access_denied_and_never_meets_the_provider(world: World) -> None:
    page = await consent_page(world)
    answer = answer_of(await world.browser.submit(page, {"decision": "deny"}))
    assert (answer["error"], answer["iss"]) == ("access_denied", GATEWAY)
    assert not any(AUTH in url for url in world.browser.visited)


@pytest.mark.requirement("AZ-05")
async def test_an_answer_from_another_browser_is_refused(world: World) -> None:
    page = await consent_page(world)
    stranger = world.new_browser()
    await stranger.open((await world.register()).authorization_url())
    refused = await stranger.submit(page, {"decision": "approve"})
    assert refused.status == 400
    assert "another browser" in refused.text
    assert not any(AUTH in url for url in stranger.visited)


@pytest.mark.requirement("AZ-05")
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_form_sent_from_elsewhere_is_refused(world: World, site: str) -> None:
    page = await consent_page(world)
    world.browser.headers["Sec-Fetch-Site"] = site
    refused = await world.browser.submit(page, {"decision": "approve"})
    assert refused.status == 400
    assert not any(AUTH in url for url in world.browser.visited)


@pytest.mark.requirement("AZ-05")
@pytest.mark.parametrize("consent_id", ["", "pc_unknown"])
async def test_a_form_without_the_token_of_its_page_is_refused(world: World, consent_id: str) -> None:
    page = await consent_page(world)
    refused = await world.browser.submit(page, {"decision": "approve", "consent_id": consent_id})
    assert refused.status == 400
    assert "What to do" in refused.text


@pytest.mark.requirement("AZ-05")
async def test_pages_rendered_twice_do_not_invalidate_each_other(world: World) -> None:
    client = await world.register()
    first = await world.browser.open(client.authorization_url())
    second = await world.browser.open(client.authorization_url())
    assert answer_of(await world.browser.submit(second, {"decision": "approve"}))["code"]
    assert answer_of(await world.browser.submit(first, {"decision": "approve"}))["code"]


@pytest.mark.requirement("AZ-05")
async def test_a_second_click_on_the_button_ends_in_a_code_too(world: World) -> None:
    page = await consent_page(world)
    assert answer_of(await world.browser.submit(page, {"decision": "approve"}))["code"]
    assert answer_of(await world.browser.submit(page, {"decision": "approve"}))["code"]


@pytest.mark.requirement("AZ-06")
async def test_the_approval_cookie_is_set_on_approval_and_not_before(world: World) -> None:
    page = await consent_page(world)
    assert [cookie.name for cookie in world.browser.http.cookies.jar] == ["__Host-mcp_gateway_visitor"]
    await world.browser.submit(page, {"decision": "approve"})
    assert "__Host-mcp_gateway_approval" in world.browser.http.cookies


@pytest.mark.requirement("AZ-06")
async def test_cookies_belong_to_this_host_alone_and_to_no_script(world: World) -> None:
    page = await consent_page(world)
    cookie = page.response.headers["set-cookie"]
    assert cookie.startswith("__Host-mcp_gateway_visitor=")
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie


async def approved_callback(world: World) -> str:
    """The callback's URL of an approved sign-in, before any browser went there."""
    page = await consent_page(world)
    answer = await world.browser.http.post(
        f"{GATEWAY}/oauth/consent", data=page.forms[0].fields | {"decision": "approve"}
    )
    login = await world.http.get(answer.headers["location"])
    return login.headers["location"]


@pytest.mark.requirement("AZ-06", "BR-06")
async def test_a_callback_in_another_browser_is_refused_and_its_code_not_exchanged(world: World) -> None:
    refused = await world.new_browser().open(await approved_callback(world))
    assert refused.status == 400
    assert "another browser" in refused.text
    assert world.auth.exchanges == 0


@pytest.mark.requirement("AZ-06", "BR-06")
async def test_a_callback_is_used_once(world: World) -> None:
    url = await approved_callback(world)
    assert answer_of(await world.browser.open(url))["code"]
    again = await world.browser.open(url)
    assert (again.status, world.auth.exchanges) == (400, 1)
    assert "already finished" in again.text


@pytest.mark.requirement("AZ-06")
@pytest.mark.parametrize("query", ["", "?code=gc_x", "?code=gc_x&state=st_unknown", "?state=a&state=b&code=c"])
async def test_a_callback_that_belongs_to_nothing_is_refused(world: World, query: str) -> None:
    refused = await world.browser.open(f"{GATEWAY}/oauth/callback{query}")
    assert (refused.status, world.auth.exchanges) == (400, 0)
    assert "What to do" in refused.text
