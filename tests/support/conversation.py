"""A client's whole conversation with the gateway, one step at a time, so that anything can happen between two steps."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.browser import Form, forms_of
from tests.support.gateway import ClientApp
from tests.support.replicas import Door, Replica, Replicas

PERSON = "keycloak:248289761001"


@dataclass
class Conversation:
    """An MCP client and the browser of its person, who agrees to everything.

    Args:
        replicas: Who is talked to.
        door: Decides at which gateway the next step arrives.
        browser, program: The person's browser, and the client's own requests.
    """

    replicas: Replicas
    door: Door
    browser: httpx.AsyncClient
    program: httpx.AsyncClient
    metadata: dict[str, Any] = field(default_factory=dict)
    client: ClientApp = field(default_factory=lambda: ClientApp(""))
    consent: Form | None = None
    leads_to: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)
    steps_ahead: list[str] = field(default_factory=lambda: [*STEPS])

    def goes_on_at(self, gateway: Replica) -> None:
        """The next step arrives there."""
        self.door.leads_to = gateway

    async def until(self, name: str) -> None:
        """Every step that comes before the one of this name and was not taken yet."""
        while self.steps_ahead[0] != name:
            await STEPS[self.steps_ahead[0]](self)
            self.steps_ahead.pop(0)

    async def finish(self) -> None:
        """Every step that was not taken yet."""
        last = self.steps_ahead[-1]
        await self.until(last)
        await STEPS[last](self)

    def begin_again(self) -> None:
        """What a person does whose sign-in got lost: connect again, with the client that is registered."""
        self.steps_ahead = [*STEPS][2:]

    async def discover(self) -> None:
        refused = await self.program.post(f"{self.replicas.public_url}/mcp", json={"id": 1})
        named = re.search('resource_metadata="([^"]+)"', refused.headers["www-authenticate"])
        assert named, refused.headers
        resource = (await self.program.get(named.group(1))).json()
        issuer = resource["authorization_servers"][0]
        self.metadata = (await self.program.get(f"{issuer}/.well-known/oauth-authorization-server")).json()

    async def register(self) -> None:
        body = {"client_name": "Editor", "redirect_uris": [self.client.redirect_uri]}
        answer = await self.program.post(self.metadata["registration_endpoint"], json=body)
        assert answer.status_code == 201, answer.text
        self.client = ClientApp(answer.json()["client_id"], gateway=self.replicas.public_url)

    async def ask(self) -> None:
        page = await self.browser.get(self.client.authorization_url())
        if page.status_code == 302:
            # Allowed before, in this browser.
            self.consent = None
            self._follow(page)
        else:
            assert page.status_code == 200, page.text
            self.consent = forms_of(page)[0]

    async def approve(self) -> None:
        if self.consent is None:
            return
        form = self.consent.fields | {"decision": "approve"}
        self._follow(await self.browser.post(f"{self.replicas.public_url}{self.consent.action}", data=form))

    async def go_on(self) -> None:
        """The browser goes where it was sent, and is sent on."""
        self._follow(await self.browser.get(self.leads_to))

    async def redeem(self) -> None:
        self._keep(await self.program.post(self.metadata["token_endpoint"], data=self.code_form()))

    async def call(self) -> None:
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        answer = await self.program.post(f"{self.replicas.public_url}/mcp", json={"id": 1}, headers=headers)
        assert (answer.status_code, answer.json()["result"]) == (200, {}), answer.text
        assert self.replicas.upstream.received[-1].headers["x-forwarded-user"] == PERSON

    async def refresh(self) -> None:
        self._keep(await self.program.post(self.metadata["token_endpoint"], data=self.refresh_form()))

    async def revoke(self) -> None:
        form = {"token": self.tokens["refresh_token"], "client_id": self.client.client_id}
        answer = await self.program.post(self.metadata["revocation_endpoint"], data=form)
        assert answer.status_code == 200, answer.text

    def code_form(self) -> dict[str, str]:
        """The token request for the code that the browser was sent back with."""
        assert self.leads_to.startswith(self.client.redirect_uri), self.leads_to
        return self.client.code_form(httpx.URL(self.leads_to).params["code"])

    def refresh_form(self) -> dict[str, str]:
        """The token request for the newest refresh token."""
        return self.client.refresh_form(self.tokens["refresh_token"])

    async def refusal(self, form: dict[str, str]) -> str:
        """The error of a token request that must fail."""
        answer = await self.program.post(self.metadata["token_endpoint"], data=form)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"])

    def _follow(self, answer: httpx.Response) -> None:
        assert answer.status_code == 302, answer.text
        self.leads_to = answer.headers["location"]
        assert "error=" not in self.leads_to, self.leads_to

    def _keep(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()


STEPS: dict[str, Callable[[Conversation], Awaitable[None]]] = {
    "discovery": Conversation.discover,
    "registration": Conversation.register,
    "consent page": Conversation.ask,
    "approval": Conversation.approve,
    "login": Conversation.go_on,
    "provider": Conversation.go_on,
    "provider's callback": Conversation.go_on,
    "gateway's callback": Conversation.go_on,
    "token": Conversation.redeem,
    "first call": Conversation.call,
    "refresh": Conversation.refresh,
    "second call": Conversation.call,
    "revocation": Conversation.revoke,
}
"""The whole conversation, in order."""


@asynccontextmanager
async def conversation(replicas: Replicas) -> AsyncIterator[Conversation]:
    """One that begins at the first gateway."""
    door = Door(replicas.gateways[0])
    async with replicas.client(door) as browser, replicas.client(door) as program:
        yield Conversation(replicas, door, browser, program)
