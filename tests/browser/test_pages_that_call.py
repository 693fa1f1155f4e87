"""MCP clients that are pages of another origin, as Chromium lets them be."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from playwright.async_api import BrowserContext
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.support.person import Person
from tests.support.servers import serving
from tests.support.stack import Stack

pytestmark = pytest.mark.anyio

# What `fetch` tells a page: the status, the headers that it may read and the text, or that the browser kept it off.
FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return {status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text()};
    } catch (error) {
        return {status: 0, headers: {}, text: String(error)};
    }
}"""
VERSION = {"MCP-Protocol-Version": "2025-11-25"}
INITIALIZE = """{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25",
    "capabilities": {}, "clientInfo": {"name": "page", "version": "1"}}}"""


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """Where the page is from."""

    async def page(_request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>A client</title>")

    async with serving(Starlette(routes=[Route("/", page)])) as served:
        yield served


def call(access_token: str | None) -> dict[str, Any]:
    authorization = {"Authorization": f"Bearer {access_token}"} if access_token else {}
    accepted = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    return {"method": "POST", "headers": VERSION | accepted | authorization, "body": INITIALIZE}


@pytest.mark.requirement("DI-06", "DI-01", "RS-04")
async def test_a_page_finds_out_where_to_sign_in_and_calls(
    stack: Stack, scripted_browser: BrowserContext, origin: str
) -> None:
    person = Person("alice")
    async with person.client(stack.mcp_url):
        pass
    await person.aclose()
    assert person.tokens.tokens
    with anyio.fail_after(30):
        page = await scripted_browser.new_page()
        await page.goto(origin)
        refused = await page.evaluate(FETCH, [stack.mcp_url, call(None)])
        metadata_url = refused["headers"]["www-authenticate"].split('resource_metadata="')[1].split('"')[0]
        metadata = await page.evaluate(FETCH, [metadata_url, {"headers": VERSION}])
        answered = await page.evaluate(FETCH, [stack.mcp_url, call(person.tokens.tokens.access_token)])
    assert (refused["status"], metadata["status"], answered["status"]) == (401, 200, 200)
    assert stack.gateway_url in metadata["text"]
    assert '"name":"sample"' in answered["text"]
    assert answered["headers"]["mcp-session-id"]
