"""The official SDK's clients that open no browser: with a secret, with a key, and with assertions of an issuer."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import anyio
import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthTokenError
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from authproxy_common.clock import utc_now
from examples.mcp_client import MemoryTokens
from tests.support.certificates import certificate
from tests.support.client_assertions import client_key
from tests.support.diagnosis import closed
from tests.support.person import call
from tests.support.servers import free_port, serving
from tests.support.stack import Stack, running_stack
from tests.support.trusted_issuer import ID_JAG, JWT_BEARER, TOKEN_EXCHANGE, TrustedIssuer
from tests.support.without_browser import SECRET, with_clients

pytestmark = pytest.mark.anyio

ERAS: list[ConnectMode] = ["auto", "legacy"]
KEY, ISSUERS_KEY, ISSUER_PORT = client_key(), client_key("of acme"), free_port()
ISSUER, DOWN = f"https://localhost:{ISSUER_PORT}", closed()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(scope="module")
def stack(tls: tuple[Path, Path]) -> Iterator[Stack]:
    """One that trusts the issuer and its certificate, whose tokens live shorter than it takes to count to 80."""

    def edited(config: str) -> str:
        with_them = with_clients(KEY, acme=ISSUER, down=DOWN)
        return with_them(config.replace("access_token_ttl_seconds: 600", "access_token_ttl_seconds: 3"))

    with running_stack({"SSL_CERT_FILE": str(tls[0])}, edit_gateway=edited) as started:
        yield started


@asynccontextmanager
async def connected(stack: Stack, auth: httpx2.Auth, mode: ConnectMode = "auto") -> AsyncIterator[Client]:
    async with (
        create_mcp_http_client(auth=auth) as http,
        Client(streamable_http_client(stack.mcp_url, http_client=http), mode=mode) as client,
    ):
        yield client


async def check_outlives_its_tokens(client: Client, subject: str) -> None:
    """It is who it is, also when its first token is over, for which it needs nobody."""
    assert await call(client, "whoami") == subject
    assert await call(client, "count", upto=80) == "counted to 80"
    assert await call(client, "whoami") == subject


@pytest.mark.requirement("MA-01", "MA-02", "DI-01")
@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_sdk_calls_as_a_client_with_a_secret(
    stack: Stack, method: Literal["client_secret_basic", "client_secret_post"], mode: ConnectMode
) -> None:
    name, tokens = method.removeprefix("client_secret_"), MemoryTokens()
    auth = ClientCredentialsOAuthProvider(
        stack.mcp_url, tokens, name, SECRET, token_endpoint_auth_method=method, issuer=stack.gateway_url
    )
    with anyio.fail_after(40):
        async with connected(stack, auth, mode) as client:
            await check_outlives_its_tokens(client, f"client:{name}")
    assert tokens.tokens
    assert tokens.tokens.refresh_token is None
    assert not any(secret in stack.logs() for secret in (SECRET, tokens.tokens.access_token))


@pytest.mark.requirement("MA-01", "CL-04")
@pytest.mark.parametrize("mode", ERAS)
async def test_the_sdk_calls_as_a_client_with_a_key(stack: Stack, mode: ConnectMode) -> None:
    signed = SignedJWTParameters(
        issuer="robot", subject="robot", signing_key=KEY.as_pem(private=True).decode(), signing_algorithm="ES256"
    )
    auth = PrivateKeyJWTOAuthProvider(
        stack.mcp_url, MemoryTokens(), "robot", signed.create_assertion_provider(), issuer=stack.gateway_url
    )
    with anyio.fail_after(40):
        async with connected(stack, auth, mode) as client:
            await check_outlives_its_tokens(client, "client:robot")


@pytest.fixture
async def issuer(tls: tuple[Path, Path]) -> AsyncIterator[TrustedIssuer]:
    made = TrustedIssuer(ISSUER, utc_now, "editor", ISSUERS_KEY)
    async with serving(made.app(), ISSUER_PORT, tls):
        yield made


def asserting(stack: Stack, tls: tuple[Path, Path], sub: str, tokens: MemoryTokens) -> IdentityAssertionOAuthProvider:
    """The SDK's provider for a client at which `sub` has signed in at the issuer."""

    async def assertion(audience: str, resource: str) -> str:
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=tls[0]), trust_env=False) as http:
            form = {"grant_type": TOKEN_EXCHANGE, "requested_token_type": ID_JAG, "subject_token": sub}
            answer = await http.post(f"{ISSUER}/token", data={**form, "audience": audience, "resource": resource})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    return IdentityAssertionOAuthProvider(
        stack.mcp_url,
        tokens,
        "editor",
        SECRET,
        issuer=stack.gateway_url,
        assertion_provider=assertion,
        token_endpoint_auth_method="client_secret_basic",
    )


@pytest.mark.requirement("MA-03", "MA-04", "MA-05", "MA-06")
@pytest.mark.parametrize("mode", ERAS)
async def test_the_sdk_calls_for_a_person_whom_a_trusted_issuer_asserts(
    stack: Stack, tls: tuple[Path, Path], issuer: TrustedIssuer, mode: ConnectMode
) -> None:
    tokens = MemoryTokens()
    with anyio.fail_after(40):
        async with connected(stack, asserting(stack, tls, "alice", tokens), mode) as client:
            await check_outlives_its_tokens(client, "acme:alice")
    assert tokens.tokens
    assert tokens.tokens.refresh_token is None
    # Another one for another token, since each is good once.
    assert len(issuer.asked) >= 2
    assert {form["resource"] for form in issuer.asked} == {stack.mcp_url}
    assert "alice@acme.example" not in stack.logs()


@pytest.mark.requirement("MA-03")
async def test_an_issuer_that_names_another_client_leaves_the_sdk_with_the_reason(
    stack: Stack, tls: tuple[Path, Path], issuer: TrustedIssuer
) -> None:
    issuer.client_id = "another"
    with anyio.fail_after(30), pytest.RaisesGroup(OAuthTokenError, flatten_subgroups=True) as error:
        async with connected(stack, asserting(stack, tls, "alice", MemoryTokens())):
            pass
    assert "invalid_grant" in str(error.value.exceptions)
    assert "for another client" in str(error.value.exceptions)


@pytest.mark.requirement("MA-06", "OP-04")
async def test_an_issuer_that_is_down_is_an_outage_and_no_fault_of_the_client(stack: Stack) -> None:
    assertion = TrustedIssuer(DOWN, utc_now, "editor").assertion(stack.gateway_url, stack.mcp_url)
    form = {"grant_type": JWT_BEARER, "assertion": assertion}
    async with httpx.AsyncClient(trust_env=False, timeout=15, auth=("editor", SECRET)) as http:
        answer = await http.post(f"{stack.gateway_url}/oauth/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert DOWN not in answer.text
    assert "issuer_keys_unavailable" in stack.logs()
