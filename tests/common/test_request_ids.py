"""The request id: one for each request, the caller's own where it cannot hurt."""

import re

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from authproxy_common.http.request_id import RequestId, current_request_id, request_id_of

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-01")]


async def ids(request: Request) -> Response:
    return JSONResponse([request_id_of(request.scope), current_request_id()], headers={"X-Request-Id": "the-app-s-own"})


def site() -> ASGIApp:
    return RequestId(Starlette(routes=[Route("/", ids)]))


async def answered(headers: list[tuple[str, str]] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site()), base_url="https://mcp.test") as http:
        return await http.get("/", headers=headers)


async def test_a_request_without_an_id_is_given_one_of_its_own() -> None:
    one, other = await answered(), await answered()

    assert re.fullmatch(r"[0-9a-f]{16}", one.headers["x-request-id"])
    assert one.headers["x-request-id"] != other.headers["x-request-id"]


@pytest.mark.parametrize("offered", ["abcd1234", "A-b_9" * 12, "x" * 64])
async def test_a_well_formed_id_of_the_caller_is_kept(offered: str) -> None:
    response = await answered([("X-Request-Id", offered)])

    assert response.headers.get_list("x-request-id") == [offered]
    assert response.json() == [offered, offered]


@pytest.mark.parametrize(
    "offered",
    [
        pytest.param("", id="empty"),
        pytest.param("short", id="too short"),
        pytest.param("x" * 65, id="too long"),
        pytest.param("abcd 1234", id="space"),
        pytest.param('abcd1234","level":"error', id="forged log field"),
        pytest.param("abcd1234<script>", id="markup"),
        pytest.param("abcd1234%0a", id="escape"),
    ],
)
async def test_an_id_that_could_forge_something_is_replaced(offered: str) -> None:
    response = await answered([("X-Request-Id", offered)])

    [given] = response.headers.get_list("x-request-id")
    assert re.fullmatch(r"[0-9a-f]{16}", given)
    assert response.json() == [given, given]


async def test_the_answer_the_request_and_the_log_context_have_the_same_id() -> None:
    response = await answered()

    assert response.json() == [response.headers["x-request-id"]] * 2


async def test_nothing_of_the_request_stays_in_the_context_after_it() -> None:
    await answered()

    assert structlog.contextvars.get_contextvars() == {}


def test_outside_of_a_request_there_is_no_id() -> None:
    assert current_request_id() == request_id_of({}) == "-"
