"""Choosing a provider in a real browser, without scripts."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.async_api import BrowserContext, Page

from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-12")]

SECOND = """
  second:
    issuer: ${DEVELOPMENT_ISSUER}
    client_id: ${DEVELOPMENT_CLIENT_ID}
    client_secret: ${DEVELOPMENT_CLIENT_SECRET}
    redirect_uri: ${DEVELOPMENT_REDIRECT_URI}

proxy_oauth:
"""


@pytest.fixture(scope="module")
def two_providers() -> Iterator[Stack]:
    with running_stack(edit_auth=lambda config: config.replace("\nproxy_oauth:\n", SECOND)) as started:
        yield started


async def begin(page: Page, stack: Stack) -> None:
    asked = {"gateway_uri": f"{stack.gateway_url}/oauth/callback", "state": "a state"}
    await page.goto(f"{stack.auth_url}/login?{urlencode(asked)}")


async def is_at_the_provider(page: Page) -> bool:
    return await page.get_by_placeholder("sub").count() == 1


async def test_a_person_chooses_by_keyboard_is_not_asked_again_and_changes_their_mind(
    two_providers: Stack, browser: BrowserContext
) -> None:
    page = await browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    await begin(page, two_providers)
    assert await page.get_by_role("heading").inner_text() == "How do you want to sign in?"
    focused = page.locator(":focus")
    await page.keyboard.press("Tab")
    assert await focused.inner_text() == "development"
    await page.keyboard.press("Tab")
    assert await focused.inner_text() == "second"
    assert await focused.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    assert complaints == []
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/oauth2/authorize**")
    assert await is_at_the_provider(page)

    await begin(page, two_providers)
    assert await is_at_the_provider(page)

    await page.goto(f"{two_providers.auth_url}/login/choice")
    assert "second" in await page.get_by_role("main").inner_text()
    await page.get_by_role("button", name="Ask me next time").click()
    assert "Nothing is remembered" in await page.get_by_role("main").inner_text()
    await begin(page, two_providers)
    assert await page.get_by_role("link", name="second").count() == 1
