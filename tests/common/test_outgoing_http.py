"""What we ask of others: bounded in time and size, with our request id, and no answer taken on trust."""

import gzip
from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import httpx
import pytest
import structlog
from starlette.types import Receive, Scope, Send

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.http.client import Answer, ask, open_http
from tests.support.servers import free_port, serving

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-04")]

MIB = 1024 * 1024
SHORT, AMPLE = timedelta(milliseconds=200), timedelta(seconds=10)


async def until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def dependency(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as its path says."""
    headers: list[tuple[bytes, bytes]] = []
    status, body = 200, b"{}"
    match scope["path"].split("/")[1:]:
        case ["silent"]:
            await until_disconnected(receive)
            return
        case ["begun"]:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await until_disconnected(receive)
            return
        case ["broken"]:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            raise RuntimeError("the dependency broke off")
        case ["status", code]:
            status, headers = int(code), [(b"location", b"/elsewhere")]
        case ["length", length]:
            body = b"x" * int(length)
        case ["packed", length]:
            body, headers = gzip.compress(b"x" * int(length)), [(b"content-encoding", b"gzip")]
        case ["nonsense"]:
            body, headers = b"not gzip", [(b"content-encoding", b"gzip")]
        case _:
            body = dict(scope["headers"]).get(b"x-request-id", b"")
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
async def origin() -> AsyncIterator[str]:
    async with serving(dependency) as served:
        yield served


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http() as client:
        yield client


async def asked(http: httpx.AsyncClient, url: str, deadline: timedelta = AMPLE) -> Answer:
    with anyio.fail_after(5):
        return await ask(http, http.build_request("GET", url), dependency="provider", deadline=deadline)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404])
async def test_an_answer_that_can_be_read_is_handed_over(http: httpx.AsyncClient, origin: str, status: int) -> None:
    assert await asked(http, f"{origin}/status/{status}") == Answer(status, b"{}")


@pytest.mark.requirement("OP-01")
async def test_our_request_id_goes_along(http: httpx.AsyncClient, origin: str) -> None:
    with structlog.contextvars.bound_contextvars(request_id="a-request-id"):
        assert (await asked(http, f"{origin}/echo")).body == b"a-request-id"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/status/500", id="its fault"),
        pytest.param("/status/503", id="it is unavailable"),
        pytest.param("/status/429", id="it has had enough of us"),
        pytest.param(f"/length/{MIB + 1}", id="too long"),
        pytest.param(f"/packed/{MIB + 1}", id="too long once unpacked"),
        pytest.param("/broken", id="broken off"),
        pytest.param("/nonsense", id="not what its headers say"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_unavailable(http: httpx.AsyncClient, origin: str, path: str) -> None:
    with pytest.raises(TemporarilyUnavailable) as caught:
        await asked(http, f"{origin}{path}?code=hunter2")

    assert caught.value.dependency == "provider"
    assert origin not in caught.value.description
    assert "hunter2" not in caught.value.description


@pytest.mark.parametrize(
    "path", [pytest.param("/silent", id="no answer"), pytest.param("/begun", id="no end of the answer")]
)
async def test_the_deadline_covers_everything_up_to_the_last_byte(
    http: httpx.AsyncClient, origin: str, path: str
) -> None:
    with pytest.raises(TemporarilyUnavailable) as caught:
        await asked(http, f"{origin}{path}", SHORT)

    assert isinstance(caught.value.__cause__, TimeoutError)


@pytest.mark.parametrize("length", [0, MIB])
async def test_an_answer_up_to_the_limit_is_read_whole(http: httpx.AsyncClient, origin: str, length: int) -> None:
    assert len((await asked(http, f"{origin}/length/{length}")).body) == length


async def test_nobody_at_the_address_is_unavailable(http: httpx.AsyncClient) -> None:
    with pytest.raises(TemporarilyUnavailable, match="the provider did not answer") as caught:
        await asked(http, f"http://127.0.0.1:{free_port()}/")

    assert isinstance(caught.value.__cause__, httpx.ConnectError)


async def test_after_a_failure_the_same_client_works_on(http: httpx.AsyncClient, origin: str) -> None:
    with pytest.raises(TemporarilyUnavailable):
        await asked(http, f"{origin}/begun", SHORT)

    assert (await asked(http, f"{origin}/status/200")).status == 200


@pytest.mark.requirement("OP-06")
async def test_the_environment_names_no_proxy_for_us(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")

    async with open_http() as http:
        assert (await asked(http, f"{origin}/status/200")).status == 200


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_an_answer_that_is_not_json_is_none(body: bytes) -> None:
    assert Answer(200, body).json() is None


def test_an_answer_that_is_json_is_read() -> None:
    assert Answer(200, b'{"a": [1]}').json() == {"a": [1]}
