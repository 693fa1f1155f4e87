"""The official SDK as each kind of client: by its metadata document, configured with a secret, and in passthrough."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import ConnectMode
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.mcp_client import SignInFailed
from tests.support.certificates import certificate
from tests.support.person import People, call
from tests.support.servers import serving
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.anyio

ERAS: list[ConnectMode] = ["auto", "legacy"]
SECRET = "a-secret-of-the-configured-client"
CLIENTS = f"""  clients:
    configured-basic:
      redirect_uris: [http://127.0.0.1/callback]
      token_endpoint_auth_method: client_secret_basic
      client_secret: {SECRET}
    configured-post:
      redirect_uris: [http://127.0.0.1/callback]
      token_endpoint_auth_method: client_secret_post
      client_secret: {SECRET}
"""


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(scope="module")
def stack(tls: tuple[Path, Path]) -> Iterator[Stack]:
    """One that trusts the certificate of the documents' server, whose tokens live for three seconds."""

    def edited(config: str) -> str:
        config = config.replace("allow_loopback_client_metadata: false", "allow_loopback_client_metadata: true")
        config = config.replace("access_token_ttl_seconds: 600", "access_token_ttl_seconds: 3")
        return config.replace("  client_metadata_documents:", f"{CLIENTS}  client_metadata_documents:")

    with running_stack({"SSL_CERT_FILE": str(tls[0])}, edit_gateway=edited) as started:
        yield started


@asynccontextmanager
async def published(tls: tuple[Path, Path], asked: list[str]) -> AsyncIterator[str]:
    """A metadata document on https; yields its URL, which is the client_id. Its redirect URI names no port."""

    async def document(request: Request) -> Response:
        asked.append(request.url.path)
        url = str(request.url.replace(scheme="https"))
        members: dict[str, Any] = {"client_id": url, "client_name": "Editor", "application_type": "native"}
        members["redirect_uris"] = ["http://127.0.0.1/callback"]
        return JSONResponse(members, headers={"Cache-Control": "max-age=300"})

    async with serving(Starlette(routes=[Route("/client.json", document)]), tls=tls) as origin:
        yield origin.replace("127.0.0.1", "localhost") + "/client.json"


@pytest.mark.requirement("CL-01", "CL-05", "TK-02", "RS-07")
@pytest.mark.parametrize("mode", ERAS)
async def test_the_sdk_signs_in_by_its_metadata_document_and_refreshes_when_its_token_ends(
    stack: Stack, tls: tuple[Path, Path], people: People, mode: ConnectMode
) -> None:
    person, asked = people("alice"), list[str]()
    with anyio.fail_after(40):
        async with published(tls, asked) as url, person.client(stack.mcp_url, mode, url) as client:
            assert await call(client, "whoami") == "development:alice"
            assert person.tokens.tokens
            first = person.tokens.tokens.refresh_token
            assert await call(client, "count", upto=80) == "counted to 80"
            assert await call(client, "whoami") == "development:alice"
            assert person.tokens.tokens.refresh_token != first
    assert person.tokens.client
    assert person.tokens.client.client_id == url
    assert (person.sign_ins, asked) == (1, ["/client.json"])
    assert "client_registered" not in stack.logs()


@pytest.mark.requirement("CL-01", "AZ-01", "OP-04")
async def test_a_person_who_denies_leaves_such_a_client_with_access_denied(
    stack: Stack, tls: tuple[Path, Path], people: People
) -> None:
    person = people(denies=True)
    with anyio.fail_after(30), pytest.RaisesGroup(SignInFailed, flatten_subgroups=True) as refused:
        async with published(tls, []) as url, person.client(stack.mcp_url, client_metadata_url=url):
            pass
    assert "access_denied" in str(refused.value.exceptions)


@pytest.mark.requirement("CL-04")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_sdk_signs_in_as_a_configured_client_with_a_secret(stack: Stack, people: People, method: Any) -> None:
    person = people("alice")
    person.tokens.client = OAuthClientInformationFull(
        client_id=method.replace("client_secret", "configured").replace("_", "-"),
        client_secret=SECRET,
        token_endpoint_auth_method=method,
        redirect_uris=[AnyUrl("http://127.0.0.1/callback")],
    )
    with anyio.fail_after(40):
        async with person.client(stack.mcp_url) as client:
            assert await call(client, "whoami") == "development:alice"
            assert await call(client, "count", upto=80) == "counted to 80"
            assert await call(client, "whoami") == "development:alice"
    assert person.sign_ins == 1
    assert SECRET not in stack.logs()


@pytest.mark.requirement("RS-01", "OP-02")
async def test_in_passthrough_the_sdk_holds_the_providers_token_and_the_gateway_asks_about_it(people: People) -> None:
    def passthrough(config: str) -> str:
        return config.replace("token_mode: gateway", "token_mode: passthrough")

    person = people("alice")
    with running_stack(edit_gateway=passthrough) as stack, anyio.fail_after(40):
        async with person.client(stack.mcp_url) as client:
            assert await call(client, "whoami") == "development:alice"
        logs = stack.logs()
    assert person.tokens.tokens
    assert not person.tokens.tokens.access_token.startswith("eyJ")
    assert "CLIENTS HOLD THE IDENTITY PROVIDER'S OWN TOKENS" in logs
    assert person.tokens.tokens.access_token not in logs
    assert "/gateway-oauth/validate" in logs
