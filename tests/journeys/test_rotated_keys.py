"""`mcp-gateway keys rotate` beside a gateway that people are signed in at."""

import subprocess
from pathlib import Path

import anyio
import httpx
import pytest
from joserfc import jws

from tests.support.person import People, Person, call
from tests.support.servers import RedisServer
from tests.support.stack import BINARIES, Stack, get, running_stack

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("TK-04", "TK-02", "OP-02")
async def test_who_is_signed_in_stays_so_when_the_keys_are_rotated(
    redis_server: RedisServer, people: People, tmp_path: Path
) -> None:
    ring, person = tmp_path / "ring.pem", people("alice")
    (old,) = rotate(ring)
    with running_stack({"MCP_SIGNING_KEYS_FILE": str(ring), "REDIS_URL": redis_server.url}) as stack:
        with anyio.fail_after(40):
            async with person.client(stack.mcp_url) as client:
                assert await call(client, "whoami") == "development:alice"
            first = access_token(person)
            new, *_ = rotate(ring, "--signs-in", "0")
            stack.restart_gateway()
            async with person.client(stack.mcp_url) as client:
                assert await call(client, "whoami") == "development:alice"
        assert access_token(person) == first
        assert person.sign_ins == 1
        assert [key["kid"] for key in get(f"{stack.gateway_url}/.well-known/jwks.json").json()["keys"]] == [new, old]
        assert [kid_of(first), kid_of(refreshed(stack, person))] == [old, new]


def rotate(ring: Path, *options: str) -> list[str]:
    """Rotate the file; the keys that it now holds, as the command names them."""
    command = [str(BINARIES / "mcp-gateway"), "keys", "rotate", "--file", str(ring), *options]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    lines = ring.read_text().splitlines()
    assert not any(line in said for line in lines)
    return [line.split()[0] for line in said.splitlines()]


def access_token(person: Person) -> str:
    assert person.tokens.tokens
    return person.tokens.tokens.access_token


def refreshed(stack: Stack, person: Person) -> str:
    """The access token that the person's client gets for its refresh token."""
    assert person.tokens.tokens
    assert person.tokens.client
    form = {
        "grant_type": "refresh_token",
        "refresh_token": str(person.tokens.tokens.refresh_token),
        "client_id": str(person.tokens.client.client_id),
    }
    answer = httpx.post(f"{stack.gateway_url}/oauth/token", data=form, timeout=10, trust_env=False)
    return str(answer.raise_for_status().json()["access_token"])


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])
