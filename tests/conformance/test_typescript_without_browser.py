"""The official TypeScript SDK as a client that opens no browser, which its conformance suite asks of clients."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from authproxy_common.clock import utc_now
from tests.conformance.suite import Suite
from tests.support.client_assertions import client_key
from tests.support.servers import free_port, serving
from tests.support.stack import Stack, running_stack
from tests.support.trusted_issuer import TrustedIssuer
from tests.support.without_browser import SECRET, with_clients

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).resolve().parent / "typescript_without_browser.mjs"
FIRST, SECOND = "@modelcontextprotocol/sdk", "@modelcontextprotocol/client"
KEY, ISSUER_PORT = client_key(), free_port()
ISSUER = f"http://localhost:{ISSUER_PORT}"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack(edit_gateway=with_clients(KEY, acme=ISSUER)) as started:
        yield started


@pytest.fixture
async def issuer() -> AsyncIterator[TrustedIssuer]:
    made = TrustedIssuer(ISSUER, utc_now, "editor")
    async with serving(made.app(), ISSUER_PORT):
        yield made


async def said(suite: Suite, stack: Stack, package: str, provider: str, **options: Any) -> dict[str, str]:
    """What the client was told, or what went wrong."""
    given = {"url": stack.mcp_url, "expectedIssuer": stack.gateway_url, **options}
    command = [suite.node, str(PROGRAM), package, provider, json.dumps(given)]
    with anyio.fail_after(30):
        ended = await anyio.run_process(command, env={"PATH": os.environ["PATH"]}, stderr=None)
    answer: dict[str, str] = json.loads(ended.stdout)
    return answer


@pytest.mark.requirement("MA-01", "MA-02")
@pytest.mark.parametrize("package", [FIRST, SECOND])
async def test_it_calls_as_a_client_with_a_secret(suite: Suite, stack: Stack, package: str) -> None:
    credentials = {"clientId": "basic", "clientSecret": SECRET}
    assert await said(suite, stack, package, "ClientCredentialsProvider", **credentials) == {"answer": "client:basic"}


@pytest.mark.requirement("MA-01", "CL-04")
@pytest.mark.parametrize("package", [FIRST, SECOND])
async def test_it_calls_as_a_client_with_a_key(suite: Suite, stack: Stack, package: str) -> None:
    key = {"clientId": "robot", "privateKey": KEY.as_pem(private=True).decode(), "algorithm": "ES256"}
    assert await said(suite, stack, package, "PrivateKeyJwtProvider", **key) == {"answer": "client:robot"}


@pytest.mark.requirement("MA-03", "MA-05", "MA-07")
async def test_it_calls_for_a_person_whom_a_trusted_issuer_asserts(
    suite: Suite, stack: Stack, issuer: TrustedIssuer
) -> None:
    idp = {"idpUrl": ISSUER, "idToken": "alice", "clientId": "at-the-issuer"}
    options = {"clientId": "editor", "clientSecret": SECRET, "idp": idp}
    assert await said(suite, stack, SECOND, "CrossAppAccessProvider", **options) == {"answer": "acme:alice"}
    assert [form["client_id"] for form in issuer.asked] == ["at-the-issuer"]


@pytest.mark.requirement("MA-01")
@pytest.mark.parametrize("package", [FIRST, SECOND])
async def test_a_wrong_secret_leaves_it_with_invalid_client(suite: Suite, stack: Stack, package: str) -> None:
    credentials = {"clientId": "basic", "clientSecret": "a-secret-of-somebody-else"}
    answer = await said(suite, stack, package, "ClientCredentialsProvider", **credentials)
    assert "failed" in answer
    assert "answer" not in answer
