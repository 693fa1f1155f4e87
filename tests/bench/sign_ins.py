"""What a whole sign-in costs: registration, consent, the provider, the code, the token. Both have the same provider."""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import httpx

from authproxy_common.clock import utc_now
from tests.bench.accounting import window
from tests.bench.contestants.processes import pinned
from tests.bench.rounds import GATEWAY_CORE
from tests.support.browser import Browser
from tests.support.openid_provider import OpenIDProvider
from tests.support.replicas import Door, running_replicas
from tests.support.servers import RedisServer, free_port, serving

RETURN_TO = "http://127.0.0.1:1/callback"
_PROGRAM = Path(__file__).parent / "contestants" / "fastmcp_sign_in.py"
_WARM = 5


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

    async def sign_in(self) -> None:
        """One person, one client, from nothing to a token."""
        verifier = secrets.token_urlsafe(32)
        async with self.http() as http:
            registered = await http.post(
                self.url + self.paths["register"],
                json={"redirect_uris": [RETURN_TO], "client_name": "bench", "token_endpoint_auth_method": "none"},
            )
            client_id = registered.raise_for_status().json()["client_id"]
            code = await self._code(Browser(http), client_id, verifier)
            answer = await http.post(
                self.url + self.paths["token"],
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "client_id": client_id,
                    "redirect_uri": RETURN_TO,
                    "code_verifier": verifier,
                    "resource": self.resource,
                },
            )
            assert answer.raise_for_status().json()["access_token"]

    async def _code(self, browser: Browser, client_id: str, verifier: str) -> str:
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
        page = await browser.open(f"{self.url}{self.paths['authorize']}?{urlencode(asked)}")
        try:
            ended = await browser.submit(page, dict(self.approval))
        except httpx.ConnectError:
            # Nobody listens where the client's callback is; the browser was sent there all the same.
            return parse_qs(urlsplit(browser.visited[-1]).query)["code"][0]
        raise AssertionError(f"the sign-in ended at {ended.url}, {ended.status}: {ended.text[:500]}")


async def cpu_of_a_sign_in(desk: Desk, count: int) -> float:
    """Milliseconds of CPU of one, of all processes of the desk."""
    for _ in range(_WARM):
        await desk.sign_in()
    with window(desk.pids, GATEWAY_CORE) as seen:
        for _ in range(count):
            await desk.sign_in()
    return seen.cpu / count * 1e3


@asynccontextmanager
async def our_desk() -> AsyncIterator[Desk]:
    """An auth server, a gateway, a real Redis."""
    redis = RedisServer("redis-server", free_port())
    redis.start()
    try:
        async with running_replicas(redis.url) as replicas:
            gateway = replicas.gateways[0]
            yield Desk(
                url=replicas.public_url,
                resource=f"{replicas.public_url}/mcp",
                paths={name: f"/oauth/{name}" for name in ("register", "authorize", "token")},
                approval={"decision": "approve"},
                http=lambda: replicas.client(Door(gateway)),
                pids=[gateway.pid, replicas.auth_server.pid],
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
