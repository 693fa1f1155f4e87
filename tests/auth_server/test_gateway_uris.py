"""Where a gateway code may be sent to: what the list admits, and everything that only looks like it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from auth_server.domain.gateway_uris import BadEntry, GatewayURIPattern, GatewayURIs, entry_problems
from authproxy_common.errors import InvalidRequest
from authproxy_common.return_address import ReturnAddress

pytestmark = pytest.mark.requirement("BR-03")

CORPUS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("gateway_uris.yaml").read_text(encoding="utf-8"))
EXACT, WIDE = CORPUS["exact"]["entries"], CORPUS["wildcards"]["entries"]


def uris(entries: str, verdict: str) -> list[Any]:
    """Those of the corpus, each with what it tries."""
    return [pytest.param(uri, id=tried) for tried, uri in CORPUS[entries][verdict].items()]


def admit(entries: list[str], uri: str, *, strict: bool) -> ReturnAddress:
    return GatewayURIs.from_entries(entries, strict=strict).admit(uri, "a state")


def check_refused(entries: list[str], uri: str, *, strict: bool) -> None:
    """No permission, and the refusal does not repeat what was asked."""
    with pytest.raises(InvalidRequest) as caught:
        admit(entries, uri, strict=strict)
    assert (caught.value.code, caught.value.status) == ("invalid_request", 400)
    assert "test" not in caught.value.description


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
@pytest.mark.parametrize("uri", uris("exact", "allowed"))
def test_an_entry_without_wildcards_admits_itself(uri: str, strict: bool) -> None:
    assert admit(EXACT, uri, strict=strict) == ReturnAddress(uri, "a state")


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
@pytest.mark.parametrize("uri", uris("exact", "refused"))
def test_an_entry_without_wildcards_admits_nothing_else(uri: str, strict: bool) -> None:
    check_refused(EXACT, uri, strict=strict)


@pytest.mark.parametrize("uri", uris("wildcards", "allowed"))
def test_a_wildcard_stands_for_a_port_or_the_end_of_a_path(uri: str) -> None:
    assert admit(WIDE, uri, strict=False) == ReturnAddress(uri, "a state")


@pytest.mark.parametrize("uri", uris("wildcards", "refused"))
def test_a_wildcard_stands_for_nothing_more(uri: str) -> None:
    check_refused(WIDE, uri, strict=False)


def test_a_uri_has_an_end() -> None:
    longest = "https://app.test/oauth/" + "x" * (2048 - len("https://app.test/oauth/"))

    assert admit(WIDE, longest, strict=False) == ReturnAddress(longest, "a state")
    check_refused(WIDE, longest + "x", strict=False)


def test_the_corpus_tries_nothing_twice() -> None:
    for part in CORPUS.values():
        tried = [*part["allowed"].values(), *part["refused"].values()]
        assert len(set(tried)) == len(tried)
    assert sum(len(part[verdict]) for part in CORPUS.values() for verdict in ("allowed", "refused")) >= 150


OVERLAPS = [
    ("https://a.test/cb", "https://a.test/cb", True),
    ("https://a.test/cb", "https://A.test:443/cb", True),
    ("https://a.test/cb", "https://a.test/cb2", False),
    ("https://a.test/cb", "https://b.test/cb", False),
    ("https://a.test/cb", "http://a.test/cb", False),
    ("https://a.test/cb", "https://a.test:444/cb", False),
    ("https://a.test/cb?x=1", "https://a.test/cb?x=2", False),
    ("https://a.test:*/cb", "https://a.test:444/cb", True),
    ("https://a.test:*/cb", "https://a.test:444/cc", False),
    ("https://a.test/*", "https://a.test/cb?x=1", True),
    ("https://a.test/a/*", "https://a.test/a/b/*", True),
    ("https://a.test/a/*", "https://a.test/b/*", False),
    ("https://a.test/a/*", "https://a.test/a", False),
    ("http://localhost:*", "http://localhost:1/x", True),
]


@pytest.mark.parametrize(("one", "other", "expected"), OVERLAPS, ids=lambda value: str(value).removeprefix("https://"))
def test_two_entries_overlap_where_a_uri_is_both_ones(one: str, other: str, expected: bool) -> None:
    first, second = (GatewayURIPattern.parse(entry, strict=False) for entry in (one, other))

    assert (first.overlaps(second), second.overlaps(first)) == (expected, expected)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("*", id="anything"),
        pytest.param("https://*", id="any host"),
        pytest.param("https://*/cb", id="any host, this path"),
        pytest.param("https://*.app.test/cb", id="any subdomain"),
        pytest.param("https://app.*/cb", id="any top-level domain"),
        pytest.param("*://app.test/cb", id="any scheme"),
        pytest.param("https://app.test/oauth*", id="end of a segment"),
        pytest.param("https://app.test/*/cb", id="segment in the middle"),
        pytest.param("https://app.test/**", id="two at the end"),
        pytest.param("https://app.test:80*/cb", id="part of a port"),
        pytest.param("https://app.test:*:*/cb", id="two ports"),
        pytest.param("https://app.test/cb?x=*", id="in the query"),
        pytest.param("https://app.test/cb?x=/*", id="in the query, behind a slash"),
        pytest.param("https://app.test/cb#/*", id="in the fragment"),
        pytest.param("https://me:*@app.test/cb", id="as a password"),
        pytest.param("app.test/*", id="no scheme"),
        pytest.param("https://app.test/../*", id="dot segments"),
    ],
)
def test_a_wildcard_anywhere_else_is_a_bad_entry(entry: str) -> None:
    with pytest.raises(BadEntry) as caught:
        GatewayURIs.from_entries([*WIDE, entry], strict=False)
    assert "test" not in str(caught.value)


def test_with_strict_validation_every_wildcard_is_a_bad_entry_named_by_its_index() -> None:
    problems = dict(entry_problems(WIDE, strict=True, development=False))

    assert problems.keys() == {index for index, entry in enumerate(WIDE) if "*" in entry}
    assert all("strict_uri_validation" in message for message in problems.values())


def test_plain_http_is_for_loopback_and_development_alone() -> None:
    entries = ["http://app.test/cb", "http://localhost:1/cb", "http://127.0.0.1:1/cb", "http://[::1]:1/cb"]

    assert dict(entry_problems(entries, strict=True, development=False)).keys() == {0}
    assert not dict(entry_problems(entries, strict=True, development=True))


def test_an_empty_list_admits_nothing() -> None:
    check_refused([], "https://app.test/oauth/callback", strict=True)
