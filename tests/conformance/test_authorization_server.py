"""The gateway as an authorization server, before the official suite."""

import re

import httpx
import pytest

from tests.conformance.protected import Protected
from tests.conformance.suite import Suite
from tests.support.browser import Browser, Page
from tests.support.servers import free_port

pytestmark = pytest.mark.anyio


async def registered(gateway_url: str, port: int) -> str:
    """The id of a client whose redirect URI is where the suite waits."""
    metadata = {"client_name": "Conformance suite", "redirect_uris": [f"http://127.0.0.1:{port}/callback"]}
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        answer = await http.post(f"{gateway_url}/oauth/register", json=metadata)
    assert answer.status_code == 201, answer.text
    client_id: str = answer.json()["client_id"]
    return client_id


@pytest.mark.requirement("DI-03", "TK-03")
async def test_a_client_finds_the_metadata_and_gets_a_token(suite: Suite, protected: Protected) -> None:
    port, gateway_url = free_port(), protected.stack.gateway_url
    client = ["--client-id", await registered(gateway_url, port), "--port", str(port)]
    landed: list[Page] = []

    async with Browser() as browser:

        async def sign_in(printed: str) -> None:
            url = re.search(r"^http://\S+/oauth/authorize\?\S+$", printed, re.MULTILINE)
            if url and "Callback server started" in printed and not landed:
                landed.append(await browser.sign_in(url.group()))

        resource = ["--resource", protected.stack.mcp_url]
        checks = await suite.run("authorization", "--url", gateway_url, *client, *resource, listener=sign_in)
    assert {check.id for check in checks} >= {"authorization-server-metadata", "authorization-code-grant"}
    assert [str(check) for check in checks if check.status != "SUCCESS"] == []
    assert [page.status for page in landed] == [200]
