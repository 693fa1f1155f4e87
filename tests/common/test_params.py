"""Request parameters: unrepeated, empty ones absent, nothing unreadable let through."""

from collections.abc import Callable

import pytest

from authproxy_common.errors import InvalidRequest
from authproxy_common.params import Params, read_json_object

pytestmark = pytest.mark.requirement("AZ-08")


def test_parameters_are_read_from_a_query_as_form_data() -> None:
    params = Params.from_query(b"resource=https%3A%2F%2Fmcp.test%2Fmcp&scope=a+b&person=%C3%A9&x")

    assert params.values == {"resource": "https://mcp.test/mcp", "scope": "a b", "person": "é"}


def test_an_empty_parameter_counts_as_absent() -> None:
    params = Params.from_query(b"state=&code=c")

    assert params.get("state") is None
    assert params.get("code") == params.require("code") == "c"
    with pytest.raises(InvalidRequest, match="the parameter state is missing"):
        params.require("state")


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(b"code=a&code=b", id="different values"),
        pytest.param(b"code=a&code=a", id="the same value"),
        pytest.param(b"code=a&code=", id="once empty"),
        pytest.param(b"code=&code=", id="twice empty"),
        pytest.param(b"code=a&c%6fde=b", id="once escaped"),
        pytest.param(b"code&code=a", id="once without a value"),
    ],
)
def test_a_repeated_parameter_is_refused(query: bytes) -> None:
    with pytest.raises(InvalidRequest, match="the parameter code is repeated"):
        Params.from_query(query)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"code=%FF", id="escaped bytes that are not UTF-8"),
        pytest.param(b"code=\xff", id="raw bytes that are not UTF-8"),
        pytest.param(b"code=%C0%AF", id="overlong UTF-8"),
        pytest.param(b"code=%ED%A0%80", id="surrogate in UTF-8"),
        pytest.param(b"&".join(b"p%d=" % i for i in range(65)), id="too many"),
    ],
)
def test_unreadable_form_data_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        Params.from_query(body)


def test_a_semicolon_does_not_separate_parameters() -> None:
    assert Params.from_query(b"code=a;code=b").values == {"code": "a;code=b"}


def test_parameters_are_read_from_a_flat_json_object() -> None:
    params = Params.from_json(b'{"code": "c", "state": ""}')

    assert params.values == {"code": "c"}


@pytest.mark.parametrize("read", [pytest.param(Params.from_json, id="flat"), pytest.param(read_json_object, id="any")])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"code": "a", "code": "b"}', id="repeated member"),
        pytest.param(b'{"code": "a", "c\\u006fde": "a"}', id="repeated member, once escaped"),
        pytest.param(b'{"a": {"code": "a", "code": "b"}}', id="repeated nested member"),
        pytest.param(b'["code"]', id="list"),
        pytest.param(b'"code"', id="text"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"code": ', id="broken off"),
        pytest.param(b'{"code": "\xff"}', id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="nested too deep"),
        pytest.param(b'{"code": "\\ud800"}', id="half of a surrogate pair"),
        pytest.param(b'{"code": %s}' % (b"9" * 5000), id="number too long to read"),
    ],
)
def test_json_that_is_not_one_unrepeated_object_is_refused(read: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read(body)


@pytest.mark.parametrize("member", ["1", "null", "true", "[]", "{}"])
def test_a_member_that_is_no_string_is_not_a_parameter(member: str) -> None:
    with pytest.raises(InvalidRequest, match="must be a string"):
        Params.from_json(b'{"code": %s}' % member.encode())


def test_any_member_may_stand_in_a_json_object() -> None:
    assert read_json_object(b'{"redirect_uris": ["a"], "n": 1}') == {"redirect_uris": ["a"], "n": 1}


@pytest.mark.requirement("OP-02")
def test_a_refusal_names_the_parameter_and_not_its_value() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Params.from_query(b"code=hunter2&code=hunter2")

    assert "hunter2" not in caught.value.description


def test_the_name_of_a_repeated_parameter_is_cut_and_cleaned() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Params.from_query(b"%0A%22" + b"x" * 500 + b"&%0A%22" + b"x" * 500)

    assert caught.value.description == f"the parameter ?'{'x' * 38} is repeated"
