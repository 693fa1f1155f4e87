"""Parameters from wherever the content type says they are."""

import pytest
from starlette.requests import Request
from starlette.types import Message

from authproxy_common.errors import InvalidRequest
from authproxy_common.http.body import any_params, content_type, form_params, query_params

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AZ-08")]

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def request(body: bytes = b"", kind: str | None = None, query: bytes = b"") -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    headers = [] if kind is None else [(b"content-type", kind.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers, "query_string": query}, receive)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, ""),
        (FORM, FORM),
        ("Application/JSON; charset=utf-8", JSON),
        (" application/json ;x", JSON),
    ],
)
def test_a_content_type_is_its_media_type_in_lower_case(written: str | None, expected: str) -> None:
    assert content_type(request(kind=written)) == expected


def test_a_query_is_read_without_the_body() -> None:
    assert query_params(request(b"code=body", FORM, b"code=query")).values == {"code": "query"}


async def test_a_form_is_read_without_the_query() -> None:
    read = await form_params(request(b"code=body", f"{FORM}; charset=utf-8", b"code=query&state=query"))

    assert read.values == {"code": "body"}


@pytest.mark.parametrize("kind", [None, "text/plain", JSON, "multipart/form-data; boundary=x"])
async def test_a_body_that_is_not_a_form_is_refused_where_one_is_due(kind: str | None) -> None:
    with pytest.raises(InvalidRequest, match="must be application/x-www-form-urlencoded"):
        await form_params(request(b"code=c", kind))


@pytest.mark.parametrize(
    ("body", "kind", "query"),
    [
        pytest.param(b"code=c", FORM, b"", id="form"),
        pytest.param(b'{"code": "c"}', JSON, b"", id="JSON"),
        pytest.param(b"", None, b"code=c", id="query"),
        pytest.param(b"code=c", FORM, b"code=ignored&state=ignored", id="a body wins over the query"),
    ],
)
async def test_parameters_are_taken_from_one_place(body: bytes, kind: str | None, query: bytes) -> None:
    assert (await any_params(request(body, kind, query))).values == {"code": "c"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"code=c", None, id="no type"),
        pytest.param(b"code=c", "text/plain", id="unknown type"),
        pytest.param(b"code=c", JSON, id="form said to be JSON"),
        pytest.param(b"code=a&code=b", FORM, id="repeated in a form"),
        pytest.param(b'{"code": "a", "code": "b"}', JSON, id="repeated in JSON"),
    ],
)
async def test_a_body_that_is_neither_form_nor_flat_json_is_refused(body: bytes, kind: str | None) -> None:
    with pytest.raises(InvalidRequest):
        await any_params(request(body, kind))
