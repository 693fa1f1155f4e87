"""Two gateway processes that share one public URL, one Redis and one auth server process; any of them can be killed."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import httpx

from authproxy_common.clock import utc_now
from authproxy_common.records import generate_key
from mcp_gateway.tokens.signing_keys import generate_signing_key
from tests.support.gateway import EchoServer
from tests.support.openid_provider import OpenIDProvider
from tests.support.servers import Program, answers, free_port, running, serving, wait_until
from tests.support.stack import BINARIES, as_it_is, edited, service_variables

_ENDED_WITHIN = 2


@dataclass
class Replica:
    """A process of ours that can be killed, and started again at its port."""

    name: str
    command: list[str]
    variables: Mapping[str, str]
    port: int
    _program: Program | None = None
    _running: ExitStack = field(default_factory=ExitStack)

    async def start(self) -> None:
        """Start it, unless it runs, and wait until it listens."""
        if self._program is None:
            start = running(self.command, self.variables, partial(answers, self.port), self.name)
            # In a thread: what it needs in order to start may be served by this very loop.
            self._program = await anyio.to_thread.run_sync(self._running.enter_context, start)

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._program
        return self._program.process.pid

    def kill(self) -> None:
        """End it as a machine that fails does: nothing of it is flushed, answered or closed."""
        assert self._program
        self._program.process.kill()
        self._program.process.wait()
        self.stop()

    def times_logged(self, event: str) -> int:
        """How often that has happened since it was started."""
        assert self._program
        return self._program.read_output().count(f'"event": "{event}"')

    async def wait_until_logged(self, event: str, times: int) -> None:
        """Return once it has happened so often."""
        await anyio.to_thread.run_sync(wait_until, lambda: self.times_logged(event) >= times)

    def stop(self) -> None:
        """End it, if it runs."""
        self._running.close()
        self._program = None


class Door(httpx.AsyncBaseTransport):
    """What stands at the public URL: carries every request to the process that `leads_to` names; `Host` stays.

    Args:
        leads_to: See above; it may change.
        kept: How many connections wait for the next request. None do where callers know nothing of each other.
    """

    def __init__(self, leads_to: Replica, kept: int = 0) -> None:
        self.leads_to = leads_to
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=kept)
        self._network = httpx.AsyncHTTPTransport(verify=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(host="127.0.0.1", port=self.leads_to.port)
        carried = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return await self._network.handle_async_request(carried)

    async def aclose(self) -> None:
        await self._network.aclose()


@dataclass
class Replicas:
    """The running processes, and what this process serves them.

    Args:
        provider: An honest OpenID provider, whose answers a test can hold back.
        upstream: The MCP server.
        auth_server: The one auth server.
        gateways: Two, which only their ports tell apart.
        public_url: Of the gateways. Nothing listens there: a test says at which gateway a request arrives.
    """

    provider: OpenIDProvider
    upstream: EchoServer
    auth_server: Replica
    gateways: list[Replica]
    public_url: str
    variables: Mapping[str, str]
    directory: Path

    def gateway(self, edit: Callable[[str], str] = as_it_is, **variables: str) -> Replica:
        """One more gateway beside the two, not yet started."""
        port = free_port()
        config = edited("mcp_gateway.yaml", edit, Path(tempfile.mkdtemp(dir=self.directory)))
        command = [str(BINARIES / "mcp-gateway"), "serve", "--config", config]
        return Replica("gateway", command, {**self.variables, "MCP_PORT": str(port), **variables}, port)

    def client(self, door: Door) -> httpx.AsyncClient:
        """Whose requests for the public URL go through `door`."""
        return httpx.AsyncClient(mounts={self.public_url: door}, trust_env=False, timeout=30)

    async def call(self, gateway: Replica, access_token: str) -> int:
        """The status of an MCP call at `gateway`."""
        async with self.client(Door(gateway)) as http:
            answer = await http.post(
                f"{self.public_url}/mcp", json={"id": 1}, headers={"Authorization": f"Bearer {access_token}"}
            )
        return answer.status_code

    async def wait_until_refused(self, access_token: str, *gateways: Replica) -> None:
        """Return once none of `gateways` admits the token, which has to be within two seconds of its grant's end."""
        with anyio.fail_after(_ENDED_WITHIN):
            for gateway in gateways:
                while await self.call(gateway, access_token) != 401:
                    pass


@contextlib.asynccontextmanager
async def running_replicas(redis_url: str, edit: Callable[[str], str] = as_it_is) -> AsyncIterator[Replicas]:
    """Everything, started; `edit` changes the gateways' configuration."""
    auth_port, provider_port = free_port(), free_port()
    auth_url, public_url = f"http://localhost:{auth_port}", f"http://localhost:{free_port()}"
    provider = OpenIDProvider(
        utc_now, issuer=f"http://127.0.0.1:{provider_port}", redirect_uri=f"{auth_url}/callback", sends_issuer=True
    )
    upstream = EchoServer()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(provider, provider_port))
        upstream_url = await stack.enter_async_context(serving(upstream.app()))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        variables = {
            **service_variables(auth_url, public_url),
            **_keys(),
            "REDIS_URL": redis_url,
            # Hundreds of callers come from the one address that tests have.
            "MCP_RATE_LIMIT_TOKEN": "unlimited",
            "OAUTH2_PORT": str(auth_port),
            "MCP_UPSTREAM_URL": f"{upstream_url}/mcp",
            "EXTERNAL_AUTH_PROVIDER": "keycloak",
            "KEYCLOAK_ISSUER": provider.issuer,
            "KEYCLOAK_CLIENT_ID": provider.client_id,
            "KEYCLOAK_CLIENT_SECRET": provider.client_secret,
            "KEYCLOAK_REDIRECT_URI": provider.redirect_uri,
        }
        auth_config = edited("oauth2_config.yaml", as_it_is, directory)
        auth_command = [str(BINARIES / "auth-server"), "serve", "--config", auth_config]
        auth_server = Replica("auth", auth_command, variables, auth_port)
        replicas = Replicas(provider, upstream, auth_server, [], public_url, variables, directory)
        replicas.gateways += [replicas.gateway(edit), replicas.gateway(edit)]
        async with started(auth_server, *replicas.gateways):
            yield replicas


@contextlib.asynccontextmanager
async def started(*processes: Replica) -> AsyncIterator[None]:
    """The processes run until the context ends, those killed meanwhile excepted."""
    try:
        async with anyio.create_task_group() as starting:
            for process in processes:
                starting.start_soon(process.start)
        yield
    finally:
        for process in processes:
            process.stop()


def _keys() -> dict[str, str]:
    return {
        "OAUTH2_ENCRYPTION_KEYS": generate_key().reveal(),
        "MCP_ENCRYPTION_KEYS": generate_key().reveal(),
        "MCP_SIGNING_KEYS": generate_signing_key().reveal(),
    }
