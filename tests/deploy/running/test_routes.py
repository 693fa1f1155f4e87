"""What leads where through the ingress, who is believed to have asked, and that any replica may answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
from mcp.client.client import ConnectMode

from tests.deploy.rig.installation import Installation
from tests.deploy.rig.pods import Pod
from tests.deploy.traffic.sign_in import PERSON
from tests.support.person import Person, call

pytestmark = [pytest.mark.anyio, pytest.mark.rig, pytest.mark.requirement("DP-11")]

SERVICES = ("auth-server", "mcp-gateway")
NOBODY = "nobody"


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/gateway-oauth", "auth-server"),
        ("/gateway-oauth/exchange", "auth-server"),
        ("/login", "auth-server"),
        ("/login/choice", "auth-server"),
        ("/callback", "auth-server"),
        ("/callback/azure", "auth-server"),
        ("/loginx", "mcp-gateway"),
        ("/gateway-oauthx", "mcp-gateway"),
        ("/callbacks", "mcp-gateway"),
        ("/", "mcp-gateway"),
        ("/mcp", "mcp-gateway"),
        ("/oauth/callback", "mcp-gateway"),
        ("/account/consents", "mcp-gateway"),
        ("/.well-known/oauth-authorization-server", "mcp-gateway"),
        ("/.well-known/oauth-protected-resource/mcp", "mcp-gateway"),
    ],
)
async def test_a_path_leads_to_its_service(
    staging: Installation, http: httpx.AsyncClient, path: str, service: str
) -> None:
    assert await answered_by(staging, await http.get(path)) == service


async def test_another_host_is_not_served(staging: Installation, http: httpx.AsyncClient) -> None:
    answer = await http.get("/mcp", headers={"Host": "mcp.example.org"})
    assert (answer.status_code, await answered_by(staging, answer)) == (404, NOBODY)


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "/gateway-oauth/metrics", "/login/%2e%2e/metrics", "//metrics", "/login/metrics"]
)
async def test_metrics_cannot_be_read_through_the_ingress(
    staging: Installation, http: httpx.AsyncClient, path: str
) -> None:
    answer = await http.get(staging.public_url + path)
    assert answer.status_code == 404
    assert "# HELP" not in answer.text


@pytest.mark.requirement("OP-09")
async def test_limits_are_by_the_address_that_the_ingress_saw_whatever_somebody_claims(
    staging: Installation, http: httpx.AsyncClient
) -> None:
    body = {"client_name": "Editor", "redirect_uris": ["http://127.0.0.1/callback"]}
    statuses = []
    for number in range(61):
        claim = f"192.0.2.{number}"
        forged = {"X-Forwarded-For": claim, "X-Real-IP": claim, "Forwarded": f"for={claim}"}
        statuses.append((await http.post("/oauth/register", json=body, headers=forged)).status_code)
    async with staging.http(staging.new_person(), base_url=staging.public_url) as somebody_else:
        another = await somebody_else.post("/oauth/register", json=body)
    assert (statuses, another.status_code) == ([201] * 60 + [429], 201)


@pytest.mark.requirement("OP-06")
async def test_addresses_of_ours_are_those_of_the_settings(http: httpx.AsyncClient, staging: Installation) -> None:
    forged = {"X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "http"}
    metadata = (await http.get("/.well-known/oauth-authorization-server", headers=forged)).json()
    assert metadata["issuer"] == staging.public_url
    assert metadata["token_endpoint"] == f"{staging.public_url}/oauth/token"


@pytest.mark.requirement("ST-04", "RS-07")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_people_sign_in_and_call_with_their_requests_at_any_replica(
    staging: Installation, mode: ConnectMode
) -> None:
    pods = [pod for service in SERVICES for pod in staging.cluster.pods_of(service)]
    before = {pod.name: times_served(pod) for pod in pods}
    with anyio.fail_after(60):
        # Which replica is chance. That one of two gets none of the fifteen requests for it has odds of one to 16,000.
        for _ in range(5):
            async with somebody(staging) as person, person.client(staging.mcp_url, mode) as client:
                assert [tool.name for tool in (await client.list_tools()).tools] == ["whoami", "count"]
                assert await call(client, "whoami") == PERSON
                assert await call(client, "count", upto=2) == "counted to 2"
                assert person.sign_ins == 1
    assert all(times_served(pod) > before[pod.name] for pod in pods)


@asynccontextmanager
async def somebody(installation: Installation) -> AsyncIterator[Person]:
    """A person, whose browser is closed in the end."""
    person = installation.person()
    try:
        yield person
    finally:
        await person.aclose()


async def answered_by(installation: Installation, answer: httpx.Response) -> str:
    """The service that has logged the answer's request id."""
    request_id = answer.headers.get("x-request-id")
    if request_id is None:
        return NOBODY
    with anyio.fail_after(10):
        while True:
            for service in SERVICES:
                if any(request_id in pod.log() for pod in installation.cluster.pods_of(service)):
                    return service
            await anyio.sleep(0.01)  # it is answered before it is logged


def times_served(pod: Pod) -> int:
    """How many requests it has logged."""
    return pod.log().count('"event": "request"')
