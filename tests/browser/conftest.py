"""A real Chromium, and one running stack for it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import BrowserContext, async_playwright

from tests.support.stack import Stack, running_stack

# The switches keep it from asking any host but this one; as root it has no sandbox of its own.
_SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_SWITCHES += ["--disable-component-update", "--disable-sync"]
_SWITCHES += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]


@pytest.fixture(scope="session")
def chromium_binary() -> str:
    """Where Chromium is; a machine without one sees the skip counted and named."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is not installed: what needs a real browser was not proven here")
    return found


@pytest.fixture
async def browser(chromium_binary: str) -> AsyncIterator[BrowserContext]:
    """A browser window without scripts, as a cautious person has it."""
    async with opened(chromium_binary, scripts=False) as context:
        yield context


@pytest.fixture
async def scripted_browser(chromium_binary: str) -> AsyncIterator[BrowserContext]:
    """One with scripts, for MCP clients that are pages."""
    async with opened(chromium_binary, scripts=True) as context:
        yield context


@asynccontextmanager
async def opened(chromium_binary: str, *, scripts: bool) -> AsyncIterator[BrowserContext]:
    """A window of a new Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_binary, args=_SWITCHES)
        context = await chromium.new_context(java_script_enabled=scripts)
        context.set_default_timeout(15_000)
        yield context
        await chromium.close()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack() as started:
        yield started
