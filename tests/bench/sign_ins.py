"""What a sign-in costs, step by step. Both authorization servers have the same provider."""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import httpx

from authproxy_common.clock import utc_now
from tests.bench.accounting import cpu_of, pin
from tests.bench.contestants.processes import pinned
from tests.bench.rounds import GATEWAY_CORE
from tests.support.browser import Browser, Page
from tests.support.openid_provider import OpenIDProvider
from tests.support.replicas import Door, running_replicas
from tests.support.servers import RedisServer, free_port, serving

RETURN_TO = "http://127.0.0.1:1/callback"
_PROGRAM = Path(__file__).parent / "contestants" / "fastmcp_sign_in.py"
_WARM = 5
# A client does it again and again: it is no part of a sign-in.
REFRESH = "refreshed tokens"


@dataclass(frozen=True)
class Desk:
    """Where sign-ins are made.

    Args:
        url: Of the authorization server.
        resource: Of the MCP server.
        paths: Of its endpoints: register, authorize, token.
        approval: What the consent form's button says.
        http: A new browser's way to it.
        pids: Of the processes that work for it.
    """

    url: str
    resource: str
    paths: Mapping[str, str]
    approval: Mapping[str, str]
    http: Callable[[], httpx.AsyncClient]
    pids: list[int]

    async def sign_in(self, account: "Account") -> None:
        """One person, one client, from nothing to a second access token; each step is put into `account`."""
        verifier = secrets.token_urlsafe(32)
        async with self.http() as http:
            browser = Browser(http)
            with account.step("registration"):
                client_id = await self._register(http)
            with account.step("authorization request and consent page"):
                page = await browser.open(self._authorization(client_id, verifier))
            with account.step("consent, provider, exchange, code"):
                code = await self._approve(browser, page)
            known = {"client_id": client_id, "resource": self.resource}
            proof = {"code": code, "redirect_uri": RETURN_TO, "code_verifier": verifier}
            with account.step("tokens for the code"):
                tokens = await self._tokens(http, {"grant_type": "authorization_code", **proof, **known})
            # FastMCP has none where its provider gives none.
            if "refresh_token" in tokens:
                refreshed = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
                with account.step(REFRESH):
                    await self._tokens(http, {**refreshed, **known})

    async def _register(self, http: httpx.AsyncClient) -> str:
        wanted = {"redirect_uris": [RETURN_TO], "client_name": "bench", "token_endpoint_auth_method": "none"}
        answer = await http.post(self.url + self.paths["register"], json=wanted)
        return str(answer.raise_for_status().json()["client_id"])

    async def _tokens(self, http: httpx.AsyncClient, form: dict[str, str]) -> dict[str, str]:
        answer = await http.post(self.url + self.paths["token"], data=form)
        tokens: dict[str, str] = answer.raise_for_status().json()
        assert tokens["access_token"]
        return tokens

    def _authorization(self, client_id: str, verifier: str) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": RETURN_TO,
            "state": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": self.resource,
        }
        return f"{self.url}{self.paths['authorize']}?{urlencode(asked)}"

    async def _approve(self, browser: Browser, page: Page) -> str:
        try:
            ended = await browser.submit(page, dict(self.approval))
        except httpx.ConnectError:
            # Nobody listens where the client's callback is; the browser was sent there all the same.
            return parse_qs(urlsplit(browser.visited[-1]).query)["code"][0]
        raise AssertionError(f"the sign-in ended at {ended.url}, {ended.status}: {ended.text[:500]}")


@dataclass
class Account:
    """What the steps cost: seconds of CPU of all processes of the desk, by their names."""

    pids: Sequence[int]
    steps: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What happens within the context belongs to that step."""
        before = cpu_of(self.pids)
        yield
        self.steps.setdefault(name, []).append(cpu_of(self.pids) - before)

    def milliseconds(self) -> dict[str, float]:
        """Each step's, on an average."""
        return {name: mean(taken) * 1e3 for name, taken in self.steps.items()}


async def cpu_of_sign_ins(desk: Desk, count: int) -> dict[str, float]:
    """Milliseconds of CPU of one, by its steps."""
    for _ in range(_WARM):
        await desk.sign_in(Account(desk.pids))
    account = Account(desk.pids)
    for _ in range(count):
        await desk.sign_in(account)
    return account.milliseconds()


@asynccontextmanager
async def our_desk() -> AsyncIterator[Desk]:
    """An auth server, a gateway, a real Redis."""
    redis = RedisServer("redis-server", free_port())
    redis.start()
    try:
        async with running_replicas(redis.url) as replicas:
            gateway = replicas.gateways[0]
            pids = [gateway.pid, replicas.auth_server.pid]
            for pid in pids:
                pin(pid, GATEWAY_CORE)
            yield Desk(
                url=replicas.public_url,
                resource=f"{replicas.public_url}/mcp",
                paths={name: f"/oauth/{name}" for name in ("register", "authorize", "token")},
                approval={"decision": "approve"},
                http=lambda: replicas.client(Door(gateway, kept=1)),
                pids=pids,
            )
    finally:
        redis.stop()


@asynccontextmanager
async def fastmcp_desk(bench: Path, directory: Path) -> AsyncIterator[Desk]:
    """FastMCP's OIDC proxy, which keeps everything in its memory."""
    port, provider_port = free_port(), free_port()
    url, issuer = f"http://localhost:{port}", f"http://127.0.0.1:{provider_port}"
    # A secret without signs: FastMCP's client does not encode it as RFC 6749 §2.3.1 asks.
    provider = OpenIDProvider(
        utc_now, issuer=issuer, redirect_uri=f"{url}/auth/callback", client_secret=secrets.token_hex(16)
    )
    variables = {
        "BENCH_CLIENT_ID": provider.client_id,
        "BENCH_CLIENT_SECRET": provider.client_secret,
        "BENCH_SIGNING_KEY": secrets.token_hex(32),
    }
    command = [str(bench), "-P", str(_PROGRAM), str(port), issuer]
    async with serving(provider, provider_port):
        with ExitStack() as stack:
            # In a thread: it reads the provider's metadata, which this very loop serves.
            start = pinned(command, GATEWAY_CORE, port, directory / "sign_in.log", variables)
            pid = await anyio.to_thread.run_sync(stack.enter_context, start)
            yield Desk(
                url=url,
                resource=f"{url}/mcp",
                paths={name: f"/{name}" for name in ("register", "authorize", "token")},
                approval={"action": "approve"},
                http=lambda: httpx.AsyncClient(trust_env=False, timeout=30),
                pids=[pid],
            )
