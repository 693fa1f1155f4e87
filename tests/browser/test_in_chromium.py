"""The browser's part in a real one: forms, redirects, cookies and content security as Chromium means them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from playwright.async_api import BrowserContext, Page

from examples.mcp_client import MemoryTokens, SignInFailed, connected
from tests.support.person import call
from tests.support.stack import Stack

pytestmark = pytest.mark.anyio


class Window:
    """One tab, what went wrong in it, and the steps that a person takes there."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"{message.location['url']} {message.text}"))
        page.on("requestfailed", lambda request: self.complaints.append(request.url))

    async def open(self, url: str) -> None:
        await self.page.goto(url)

    async def sign_in(self, person: str) -> None:
        await self.page.get_by_placeholder("sub").fill(person)
        await self.page.get_by_role("button", name="Authorize", exact=True).click()
        await self.page.wait_for_url("http://127.0.0.1:*/callback**")


async def with_client(
    stack: Stack,
    browser: BrowserContext,
    steps: Callable[[Window], Coroutine[Any, Any, None]],
    tokens: MemoryTokens | None = None,
) -> tuple[str, Window]:
    """Who the MCP server says is calling, after a person took `steps` in a new tab."""
    window = Window(await browser.new_page())
    under_way: list[asyncio.Future[None]] = []

    async def open_browser(url: str) -> None:
        await window.open(url)
        under_way.append(asyncio.ensure_future(steps(window)))

    with anyio.fail_after(45):
        try:
            async with connected(stack.mcp_url, open_browser, tokens=tokens) as client:
                return await call(client, "whoami"), window
        finally:
            await asyncio.gather(*under_way)


@pytest.mark.requirement("AZ-04", "AZ-05", "AZ-06", "AZ-07")
async def test_a_person_allows_signs_in_and_is_back_at_the_client(stack: Stack, browser: BrowserContext) -> None:
    async def steps(window: Window) -> None:
        assert await window.page.get_by_role("heading").inner_text() == (
            "Allow “Terminal client” to use an MCP server as you?"
        )
        await window.page.get_by_role("button", name="Allow and sign in").click()
        await window.sign_in("alice")

    who, window = await with_client(stack, browser, steps)
    assert who == "development:alice"
    ours = (stack.gateway_url, stack.auth_url)
    assert [complaint for complaint in window.complaints if complaint.startswith(ours)] == []
    cookies = {cookie["name"]: cookie for cookie in await browser.cookies()}
    assert set(cookies) >= {"mcp_gateway_visitor", "mcp_gateway_approval", "auth_server_browser"}
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in cookies.values())


@pytest.mark.requirement("AZ-04")
async def test_the_keyboard_is_enough(stack: Stack, browser: BrowserContext) -> None:
    async def steps(window: Window) -> None:
        await window.page.keyboard.press("Tab")
        await window.page.keyboard.press("Enter")
        await window.sign_in("bob")

    who, _ = await with_client(stack, browser, steps)
    assert who == "development:bob"


@pytest.mark.requirement("AZ-04", "AZ-01")
async def test_who_denies_is_back_at_the_client_too(stack: Stack, browser: BrowserContext) -> None:
    async def steps(window: Window) -> None:
        await window.page.get_by_role("button", name="Deny").click()
        await window.page.wait_for_url("http://127.0.0.1:*/callback?error=access_denied**")

    with pytest.RaisesGroup(SignInFailed, flatten_subgroups=True):
        await with_client(stack, browser, steps)


@pytest.mark.requirement("AZ-05")
async def test_no_page_can_frame_an_error_or_a_consent(stack: Stack, browser: BrowserContext) -> None:
    window = Window(await browser.new_page())
    await window.page.set_content(f"<iframe src='{stack.gateway_url}/oauth/authorize?client_id=x'></iframe>")
    frame = window.page.frames[-1]
    await frame.wait_for_load_state()
    assert "What to do" not in await frame.content()
    assert any("frame" in complaint for complaint in window.complaints)


@pytest.mark.requirement("AZ-04", "AZ-05", "TK-06")
async def test_what_was_allowed_is_remembered_shown_and_withdrawn_by_keyboard(
    stack: Stack, browser: BrowserContext
) -> None:
    async def allow(window: Window) -> None:
        await window.page.get_by_role("button", name="Allow and sign in").click()
        await window.sign_in("alice")

    async def only_sign_in(window: Window) -> None:
        await window.sign_in("alice")

    tokens = MemoryTokens()
    await with_client(stack, browser, allow, tokens)
    tokens.tokens = None
    assert (await with_client(stack, browser, only_sign_in, tokens))[0] == "development:alice"

    window = Window(await browser.new_page())
    await window.open(f"{stack.gateway_url}/account/consents")
    assert await window.page.get_by_role("region", name="Terminal client").count() == 1
    await window.page.keyboard.press("Tab")
    await window.page.keyboard.press("Enter")
    await window.page.get_by_text("Nothing, or nothing of which anything is left").wait_for()
    assert [complaint for complaint in window.complaints if complaint.startswith(stack.gateway_url)] == []

    # What it holds is worth nothing any more, so it asks for another sign-in by itself.
    assert (await with_client(stack, browser, allow, tokens))[0] == "development:alice"
