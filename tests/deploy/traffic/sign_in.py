"""One person's sign-in with one client, from nothing but a URL to the first call."""

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import httpx

from tests.deploy.rig.installation import Installation
from tests.deploy.traffic.observed import Observed, Send
from tests.support.browser import forms_of
from tests.support.gateway import ClientApp

PERSON = "azure:248289761001"
_DONE_WITHIN = 60.0
# A call of revision 2026-07-28, of a tool that changes nothing and so may be called twice.
_META = {"protocolVersion": "2026-07-28", "clientInfo": {"name": "editor", "version": "1"}, "clientCapabilities": {}}
_CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "whoami", "_meta": {f"io.modelcontextprotocol/{name}": value for name, value in _META.items()}},
}
_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "whoami",
}


class StartOver(Exception):
    """This authorization cannot go on; says why."""


class Lost(Exception):
    """No client could go on from this answer."""


@dataclass
class SignIn:
    """What it takes, and how it went.

    Args:
        installation: Where.
        observed: Hears of every answer.
    """

    installation: Installation
    observed: Observed
    repeated: int = 0
    started_over: list[str] = field(default_factory=list)
    lost: str | None = None
    is_finished: bool = False
    tokens: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    client: ClientApp = field(default_factory=lambda: ClientApp(""))

    def __post_init__(self) -> None:
        self.person = self.installation.new_person()

    @property
    def was_retried(self) -> bool:
        return self.is_finished and bool(self.repeated or self.started_over)

    async def run(self) -> None:
        """All of it."""
        async with self.installation.http(self.person) as browser, self.installation.http(self.person) as program:
            try:
                with anyio.fail_after(_DONE_WITHIN):
                    await self._discover(program)
                    await self._register(program)
                    while not self.tokens:
                        await self._authorize(browser, program)
                    await self.call(program)
                    self.is_finished = True
            except Lost as answer:
                self.lost = str(answer)
            except TimeoutError:
                self.lost = "it was not done in time"

    async def call(self, program: httpx.AsyncClient) -> None:
        """An MCP call. Raises Lost unless the MCP server has answered who calls."""
        headers = {**_HEADERS, "Authorization": f"Bearer {self.tokens['access_token']}"}
        answer = await self._send("call", partial(program.post, self.installation.mcp_url, json=_CALL, headers=headers))
        if answer.status_code != 200 or PERSON not in answer.text:
            raise Lost(f"a call was answered {answer.status_code}: {answer.text}")

    async def refresh(self, program: httpx.AsyncClient) -> None:
        """Tokens for the refresh token, which may be sent again where the answer got lost. Raises Lost."""
        form = self.client.refresh_form(self.tokens["refresh_token"])
        answer = await self._send("refresh", partial(program.post, self.metadata["token_endpoint"], data=form))
        if answer.status_code != 200:
            raise Lost(f"a refresh was answered {answer.status_code}: {answer.text}")
        self.tokens = answer.json()

    async def _send(self, step: str, send: Send) -> httpx.Response:
        answer, times = await self.observed.insist(step, send)
        self.repeated += times
        return answer

    async def _discover(self, program: httpx.AsyncClient) -> None:
        refused = await self._send("challenge", partial(program.post, self.installation.mcp_url, json=_CALL))
        named = re.search('resource_metadata="([^"]+)"', refused.headers.get("www-authenticate", ""))
        if named is None:
            raise Lost(f"in place of a challenge there was {refused.status_code}: {refused.text}")
        resource = await self._send("metadata", partial(program.get, named[1]))
        issuer = resource.json()["authorization_servers"][0]
        url = f"{issuer}/.well-known/oauth-authorization-server"
        self.metadata = (await self._send("metadata", partial(program.get, url))).json()

    async def _register(self, program: httpx.AsyncClient) -> None:
        body = {"client_name": "Editor", "redirect_uris": [self.client.redirect_uri]}
        endpoint = self.metadata["registration_endpoint"]
        answer = await self._send("registration", partial(program.post, endpoint, json=body))
        if answer.status_code != 201:
            raise Lost(f"a registration was answered {answer.status_code}: {answer.text}")
        self.client = ClientApp(answer.json()["client_id"], gateway=self.installation.public_url)

    async def _authorize(self, browser: httpx.AsyncClient, program: httpx.AsyncClient) -> None:
        try:
            code = await self._code(browser)
            await self._redeem(program, code)
        except StartOver as reason:
            self.started_over.append(str(reason))
            self.client = ClientApp(self.client.client_id, gateway=self.installation.public_url)

    async def _code(self, browser: httpx.AsyncClient) -> str:
        """What the browser is sent back to the client with."""
        page = await self._send("consent page", partial(browser.get, self.client.authorization_url()))
        if page.status_code == 200:
            form = forms_of(page)[0]
            url, fields = f"{self.installation.public_url}{form.action}", form.fields | {"decision": "approve"}
            page = await self._send("approval", partial(browser.post, url, data=fields))
        for step in ("login", "provider", "auth server's callback", "gateway's callback"):
            page = await self._send(step, partial(browser.get, next_place(page, step)))
        return str(next_place(page, "client").params["code"])

    async def _redeem(self, program: httpx.AsyncClient, code: str) -> None:
        form = self.client.code_form(code)
        answer = await self._send("token", partial(program.post, self.metadata["token_endpoint"], data=form))
        if answer.status_code == 400 and answer.json()["error"] == "invalid_grant":
            raise StartOver("a token request whose answer got lost had used the code")
        if answer.status_code != 200:
            raise Lost(f"a code was answered {answer.status_code}: {answer.text}")
        self.tokens = answer.json()


def next_place(page: httpx.Response, step: str) -> httpx.URL:
    """Where the browser goes for `step`.

    Raises:
        StartOver: An error of the protocol is on its way to the client, or a page tells the person to connect again.
        Lost: Anything else.
    """
    if page.status_code == 400 and "What to do:" in page.text:
        raise StartOver(f"before the {step} there was a page that says to connect again")
    if page.status_code != 302:
        raise Lost(f"before the {step} there was {page.status_code}: {page.text}")
    url = httpx.URL(page.headers["location"])
    if "error" in url.params:
        raise StartOver(f"before the {step} there was {url.params['error']}")
    return url
