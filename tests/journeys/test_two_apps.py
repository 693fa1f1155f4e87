"""The example web app and the MCP gateway sign people in at the same time, through one redirect URI at the provider."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest

from examples.mcp_client import connected
from tests.support.browser import Browser, Page
from tests.support.person import call
from tests.support.servers import Program, answers, free_port, running
from tests.support.stack import ROOT, Stack, running_stack

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-05", "BR-06", "AZ-04")]


@dataclass
class TwoApps:
    """Both, at one auth server whose provider remembers browsers."""

    stack: Stack
    web_app: Program
    web_app_url: str

    async def begin_both(self, browser: Browser, authorization_url: str) -> tuple[Page, Page]:
        """The provider's form, twice: for the MCP client that opened `authorization_url`, and for the web app."""
        consent = await browser.open(authorization_url)
        for_gateway = await browser.submit(consent, {"decision": "approve"})
        for_web_app = await browser.open(f"{self.web_app_url}/login")
        assert ["sub" in page.forms[0].fields for page in (for_gateway, for_web_app)] == [True, True]
        return for_gateway, for_web_app

    def check_what_the_provider_saw(self, browser: Browser, expected: int) -> None:
        """It was asked by one client for answers to one URI, by whichever app."""
        asked = [parse_qs(urlsplit(url).query) for url in browser.visited if "/oauth2/authorize?" in url]
        assert len({query["state"][0] for query in asked}) == expected
        assert {(*query["client_id"], *query["redirect_uri"]) for query in asked} == {
            ("authproxy", f"{self.stack.auth_url}/callback")
        }

    def check_logs(self, browser: Browser) -> None:
        """No code that the browser carried was written down."""
        codes = [code for url in browser.visited for code in parse_qs(urlsplit(url).query).get("code", [])]
        written = self.stack.logs() + self.web_app.read_output()
        assert codes
        assert [code for code in codes if code in written] == []


@pytest.fixture(scope="module")
def apps() -> Iterator[TwoApps]:
    port = free_port()
    url = f"http://localhost:{port}"
    variables = {"EXAMPLE_WEB_APP_PORT": str(port), "EXAMPLE_WEB_APP_GATEWAY_URI": f"{url}/callback"}
    with running_stack(variables, provider="tests.support.provider_with_sessions") as stack:
        environment = {**variables, "PYTHONPATH": str(ROOT), "EXTERNAL_AUTH_SERVICE_URL": stack.auth_url}
        command = [sys.executable, "-m", "examples.web_app"]
        with running(command, environment, partial(answers, port), "web-app") as program:
            yield TwoApps(stack, program, url)


@pytest.mark.requirement("OP-02")
@pytest.mark.parametrize("first", ["gateway", "web app"])
async def test_in_one_browser_both_are_signed_in_to_and_the_provider_asks_once(apps: TwoApps, first: str) -> None:
    async with Browser() as browser:

        async def open_browser(url: str) -> None:
            pages = await apps.begin_both(browser, url)
            asked, other = pages if first == "gateway" else reversed(pages)
            await browser.submit(asked, {"sub": "alice"})
            # The provider knows this browser by now, so its form, loaded again, is none any more.
            landed = await browser.open(other.url)
            assert not any("sub" in form.fields for form in landed.forms), landed.text

        with anyio.fail_after(30):
            async with connected(apps.stack.mcp_url, open_browser) as client:
                assert await call(client, "whoami") == "development:alice"
            assert "Signed in as development:alice" in (await browser.open(apps.web_app_url)).text
        apps.check_what_the_provider_saw(browser, 2)
        apps.check_logs(browser)


async def test_in_two_browsers_nobody_is_taken_for_the_other(apps: TwoApps) -> None:
    all_are_under_way = asyncio.Barrier(2)

    async def sign_in_at_both(name: str) -> None:
        async with Browser() as browser:

            async def open_browser(url: str) -> None:
                pages = await apps.begin_both(browser, url)
                await all_are_under_way.wait()
                await asyncio.gather(*(browser.submit(page, {"sub": name}) for page in pages))

            async with connected(apps.stack.mcp_url, open_browser) as client:
                assert await call(client, "whoami") == f"development:{name}"
            assert f"Signed in as development:{name}" in (await browser.open(apps.web_app_url)).text
            apps.check_what_the_provider_saw(browser, 2)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as people:
            for name in ("alice", "bob"):
                people.start_soon(sign_in_at_both, name)
