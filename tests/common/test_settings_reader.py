"""Settings from parsed values: types, defaults, checks, and every problem at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from authproxy_common.config import setting
from authproxy_common.config.checks import is_positive
from authproxy_common.config.problems import Problems
from authproxy_common.config.reader import read
from authproxy_common.secret import Secret

pytestmark = pytest.mark.requirement("CF-02")


@dataclass(frozen=True, slots=True)
class Limits:
    body: int = setting(1024, check=is_positive)
    burst: int = setting(10)

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        if self.burst > self.body:
            yield "burst", "must not exceed body"
        if self.burst == self.body == 0:
            yield "", "limits nothing"


@dataclass(frozen=True, slots=True)
class Loose:
    most: int = setting(1)

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        if not self.most:
            yield "", "allows nothing"


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    weight: int = setting(1)


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    client_secret: Secret
    enabled: bool = setting(True)
    issuer: str | None = setting(None)
    scopes: tuple[str, ...] = setting(())
    keys: tuple[Secret, ...] = setting(())
    endpoints: tuple[Endpoint, ...] = setting(())
    servers: dict[str, Endpoint] = setting({})
    limits: Limits = setting(Limits())
    words: dict[str, str | Endpoint] = setting({})
    allowed: tuple[str, ...] = setting((), never_empty=True)
    guards: tuple[Endpoint, ...] = setting((), never_empty=True)
    barred: dict[str, str] = setting({}, never_empty=True)
    strict: Limits | None = setting(None, never_empty=True)
    loose: Loose = setting(Loose())


_LEAST = {"name": "n", "client_secret": "s"}


def sample(**values: Any) -> Sample:
    problems = Problems("f")
    settings = read(Sample, _LEAST | values, "", problems)
    assert [str(problem) for problem in problems] == []
    return settings


def problems_of(node: object) -> list[str]:
    problems = Problems("f")
    read(Sample, node, "", problems)
    return sorted(str(problem) for problem in problems)


@pytest.mark.parametrize(
    ("key", "written", "expected"),
    [
        pytest.param("enabled", "off", False, id="word for false"),
        pytest.param("enabled", "TRUE", True, id="word for true, from a variable"),
        pytest.param("enabled", 1, True, id="one"),
        pytest.param("issuer", "https://idp.test", "https://idp.test", id="optional text"),
        pytest.param("issuer", "", None, id="empty means the default"),
        pytest.param("scopes", ["a", "b"], ("a", "b"), id="list"),
        pytest.param("scopes", "a, b c", ("a", "b", "c"), id="list in a variable"),
        pytest.param("scopes", ["a", "", None], ("a",), id="empty members are left out"),
        pytest.param("keys", ["k"], (Secret("k"),), id="list of secrets"),
        pytest.param("endpoints", [{"url": "u"}], (Endpoint("u"),), id="list of mappings"),
        pytest.param("servers", {"one": {"url": "u", "weight": "2"}}, {"one": Endpoint("u", 2)}, id="named mappings"),
        pytest.param("limits", {"body": "2048"}, Limits(2048), id="nested mapping, number from a variable"),
        pytest.param("limits", None, Limits(), id="nothing written"),
        pytest.param("words", {"a": "b", "c": {"url": "u"}}, {"a": "b", "c": Endpoint("u")}, id="text or a mapping"),
        pytest.param("guards", {"url": "u"}, (Endpoint("u"),), id="a mapping alone for a list of them"),
        pytest.param("strict", {"body": 1, "burst": 1}, Limits(1, 1), id="optional mapping"),
    ],
)
def test_a_value_is_read_as_its_field_says(key: str, written: object, expected: object) -> None:
    assert getattr(sample(**{key: written}), key) == expected


def test_every_problem_is_reported_at_once() -> None:
    node = {"nmae": "x", "enabled": "perhaps", "limits": {"body": 0, "burst": "ten"}, "servers": {"one": {}}}

    assert problems_of(node) == [
        "f: client_secret: is missing",
        "f: enabled: must be true or false",
        "f: limits.body: must be at least 1",
        "f: limits.burst: must be a whole number",
        "f: name: is missing",
        "f: nmae: unknown key; did you mean name?",
        "f: servers.one.url: is missing",
    ]


def test_what_concerns_several_fields_is_reported_at_its_key() -> None:
    assert problems_of(_LEAST | {"limits": {"body": 5, "burst": 6}}) == ["f: limits.burst: must not exceed body"]


def test_what_concerns_the_whole_is_reported_at_its_key_where_nothing_within_is_wrong() -> None:
    assert problems_of(_LEAST | {"strict": {"body": "0", "burst": 0}}) == ["f: strict.body: must be at least 1"]
    assert problems_of(_LEAST | {"loose": {"most": 0}}) == ["f: loose: allows nothing"]


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        pytest.param({"scope": "a"}, "f: scope: unknown key; did you mean scopes?", id="near miss"),
        pytest.param({"limits": {"bdoy": 1}}, "f: limits.bdoy: unknown key; did you mean body?", id="nested near miss"),
        pytest.param({"zzz": 1}, "f: zzz: unknown key", id="nothing is near"),
        pytest.param({True: 1}, "f: True: unknown key", id="a key that is not text"),
        pytest.param({"name": ["a"]}, "f: name: must be text; put it in quotes", id="list for text"),
        pytest.param({"name": True}, "f: name: must be text; put it in quotes", id="boolean for text"),
        pytest.param(
            {"name": 7}, "f: name: must be text; put it in quotes", id="number for text, which may have been 007"
        ),
        pytest.param({"scopes": {"a": 1}}, "f: scopes: must be a list", id="mapping for list"),
        pytest.param({"scopes": [["a"]]}, "f: scopes[0]: must be text; put it in quotes", id="list within a list"),
        pytest.param(
            {"scopes": [{"a": "b"}]}, "f: scopes[0]: must be text; put it in quotes", id="mapping within a list"
        ),
        pytest.param({"servers": ["a"]}, "f: servers: must be a mapping of names to values", id="list for mapping"),
        pytest.param({"servers": {"one": "u"}}, "f: servers.one: must be a mapping of keys to values", id="text"),
        pytest.param({"limits": {"body": 1.5}}, "f: limits.body: must be a whole number", id="fraction"),
        pytest.param({"limits": {"body": True}}, "f: limits.body: must be a whole number", id="boolean for number"),
        pytest.param({"words": {"a": ["b"]}}, "f: words.a: must be text; put it in quotes", id="list for text"),
        pytest.param({"words": {"a": {"urk": "b"}}}, "f: words.a.url: is missing", id="another mapping than meant"),
        pytest.param({"guards": {"urk": "u"}}, "f: guards.url: is missing", id="a mapping alone, another one"),
        pytest.param({"strict": "yes"}, "f: strict: must be a mapping of keys to values", id="text for a mapping"),
    ],
)
def test_a_wrong_value_or_key_is_reported_with_its_path(node: dict[Any, Any], problem: str) -> None:
    assert problem in problems_of(_LEAST | node)


EMPTY: dict[str, list[Any]] = {
    "allowed": [None, "", [], [""], [None]],
    "guards": [None, "", [], [""], [None]],
    "barred": [None, "", {}],
    "strict": [None, ""],
}


@pytest.mark.parametrize(("key", "written"), [(key, each) for key, values in EMPTY.items() for each in values])
def test_what_keeps_people_out_may_be_left_away_but_not_empty(key: str, written: object) -> None:
    (problem,) = problems_of(_LEAST | {key: written})
    assert problem.startswith(f"f: {key}: is written down and names nothing")


def test_a_document_that_is_no_mapping_is_reported_as_such() -> None:
    assert "f: must be a mapping of keys to values" in problems_of(["a"])


@pytest.mark.requirement("OP-02")
@pytest.mark.parametrize(
    "node",
    [
        pytest.param({"client_secret": ["hunter2"]}, id="secret of the wrong type"),
        pytest.param({"client_secret": {"hunter2x": "hunter2"}}, id="mapping for a secret"),
        pytest.param({"keys": [True, ["hunter2"]]}, id="list of secrets"),
        pytest.param({"enabled": "hunter2", "limits": "hunter2"}, id="secret pasted at the wrong key"),
        pytest.param({"limits": {"body": "hunter2", "burst": "hunter2"}, "servers": "hunter2"}, id="for a number"),
    ],
)
def test_no_message_repeats_a_value(node: dict[str, Any]) -> None:
    found = problems_of(_LEAST | node)

    assert found
    assert not any("hunter2" in problem for problem in found)
