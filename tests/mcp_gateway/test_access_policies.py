"""Whom `allow` lets in: every combination of what it can say, against an oracle, and the rows that a person reads."""

from itertools import combinations, product
from typing import Any

import pytest

from authproxy_common.exchange import Person
from mcp_gateway.composition.policies import build_allowed
from mcp_gateway.domain.access import Allowed
from tests.support.callers import server_settings

pytestmark = pytest.mark.requirement("PO-01")


def allowed(allow: Any) -> Allowed:
    return build_allowed(server_settings(allow=allow).allow)


# What a block can say.
KEYS: dict[str, Any] = {
    "providers": ["azure"],
    "emails": ["alice@example.com", "carol@other.test"],
    "email_domains": ["example.com"],
    "groups": ["staff", "admins"],
    "claims": {"org.unit": ["r&d"]},
}
# An address that meets emails, email_domains, both, or neither.
ADDRESSES = {
    (True, True): "alice@example.com",
    (True, False): "carol@other.test",
    (False, True): "eve@example.com",
    (False, False): "eve@evil.test",
}


def person(claims: dict[str, Any]) -> Person:
    said = {"sub": "1", **claims}
    return Person(said.pop("provider", "test"), said)


def who_meets(met: dict[str, bool]) -> Person:
    """Somebody who meets these keys and misses those."""
    return person(
        {
            "provider": "azure" if met["providers"] else "github",
            "email": ADDRESSES[met["emails"], met["email_domains"]],
            "email_verified": True,
            "groups": ["guests", "staff"] if met["groups"] else ["guests"],
            "org": {"unit": "r&d" if met["claims"] else "sales"},
        }
    )


BLOCKS = [block for size in range(1, len(KEYS) + 1) for block in combinations(KEYS, size)]
PEOPLE = [dict(zip(KEYS, met, strict=True)) for met in product([True, False], repeat=len(KEYS))]


@pytest.mark.parametrize("block", BLOCKS, ids=" and ".join)
def test_whoever_meets_every_key_of_a_block_is_let_in_and_nobody_else(block: tuple[str, ...]) -> None:
    of_block = allowed({key: KEYS[key] for key in block})
    let_in = [met for met in PEOPLE if of_block.admits(who_meets(met))]
    assert let_in == [met for met in PEOPLE if all(met[key] for key in block)]
    assert not of_block.admits(None)
    assert not of_block.admits(person({}))


@pytest.mark.parametrize(("one", "two"), list(combinations(KEYS, 2)), ids=" or ".join)
def test_of_several_blocks_one_is_enough(one: str, two: str) -> None:
    either = allowed([{one: KEYS[one]}, {two: KEYS[two]}])
    let_in = [met for met in PEOPLE if either.admits(who_meets(met))]
    assert let_in == [met for met in PEOPLE if met[one] or met[two]]


def test_without_a_block_everybody_is_let_in_also_who_is_not_known() -> None:
    everybody = build_allowed(server_settings().allow)
    assert everybody.admits(None)
    assert everybody.admits(person({}))


ALICE = {"email": "alice@example.com", "email_verified": True}
ROWS: list[Any] = [
    pytest.param({"emails": ["alice@example.com"]}, ALICE, True, id="a verified address"),
    pytest.param({"emails": ["Alice@Example.com"]}, ALICE, True, id="written with capital letters"),
    pytest.param({"emails": ["alice@example.com"]}, {**ALICE, "email": "ALICE@example.COM"}, True, id="sent with them"),
    pytest.param({"emails": ["alice@example.com"]}, {"email": "alice@example.com"}, False, id="not verified"),
    pytest.param({"emails": ["alice@example.com"]}, {**ALICE, "email_verified": False}, False, id="verified: false"),
    pytest.param({"emails": ["alice@example.com"]}, {**ALICE, "email_verified": 1}, False, id="verified: 1"),
    pytest.param({"emails": ["alice@example.com"]}, {**ALICE, "email": "alice@example.com "}, False, id="a space"),
    pytest.param({"email_domains": ["example.com"]}, ALICE, True, id="the domain"),
    pytest.param({"email_domains": ["example.com"]}, {"email": "a@example.com"}, False, id="the domain, not verified"),
    pytest.param({"email_domains": ["example.com"]}, {**ALICE, "email": "a@sub.example.com"}, False, id="below it"),
    pytest.param({"email_domains": ["sub.example.com"]}, ALICE, False, id="above it"),
    pytest.param({"email_domains": ["example.com"]}, {**ALICE, "email": "a@notexample.com"}, False, id="ends like it"),
    pytest.param({"email_domains": ["example.com"]}, {**ALICE, "email": "a@example.com.evil.test"}, False, id="begins"),
    pytest.param({"email_domains": ["example.com"]}, {**ALICE, "email": "a@example.com@evil.test"}, False, id="two @"),
    pytest.param({"email_domains": ["example.com"]}, {**ALICE, "email": "example.com"}, False, id="no @"),
    pytest.param({"email_domains": ["kexample.com"]}, {**ALICE, "email": "a@\u212aexample.com"}, False, id="Kelvin"),
    pytest.param(
        {"emails": ["alice@example.com"]}, {**ALICE, "email": "al\u0131ce@example.com"}, False, id="dotless i"
    ),
    pytest.param({"groups": ["staff"]}, {"groups": ["staff"]}, True, id="a group"),
    pytest.param({"groups": ["staff"]}, {"groups": ["Staff"]}, False, id="a group in another case"),
    pytest.param({"groups": ["staff"]}, {"groups": ["staff "]}, False, id="a group with a space"),
    pytest.param({"groups": ["staff"]}, {"groups": "staff"}, False, id="groups that are text"),
    pytest.param({"groups": ["staff"]}, {"groups": {"staff": True}}, False, id="groups that are an object"),
    pytest.param({"groups": ["staff"]}, {"groups": ["staff"], "groups_overage": True}, False, id="not all named"),
    pytest.param({"groups": ["staff"]}, {"roles": ["staff"]}, False, id="a role is no group"),
    pytest.param({"claims": {"roles": ["staff"]}}, {"roles": ["staff", "x"]}, True, id="a role by its claim"),
    pytest.param({"claims": {"roles": ["staff"]}}, {"roles": "staff"}, True, id="a role that is text"),
    pytest.param({"claims": {"roles": ["staff"]}}, {"roles": "staff x"}, False, id="text is not taken apart"),
    pytest.param({"claims": {"a.b.c": ["x"]}}, {"a": {"b": {"c": ["x"]}}}, True, id="three names deep"),
    pytest.param({"claims": {"a.b": ["x"]}}, {"a.b": "x"}, True, id="a name with a dot in it"),
    pytest.param({"claims": {"a.b": ["x"]}}, {"a.b": "y", "a": {"b": "x"}}, False, id="the name comes first"),
    pytest.param({"claims": {"a.b": ["x"]}}, {"a": ["b"]}, False, id="nothing below a list"),
    pytest.param({"claims": {"a.b": ["x"]}}, {"a": "x"}, False, id="nothing below text"),
    pytest.param({"claims": {"a": ["x"]}}, {"a": {"x": "x"}}, False, id="an object is no value"),
    pytest.param({"claims": {"level": ["3"]}}, {"level": 3}, True, id="a number"),
    pytest.param({"claims": {"level": ["3"]}}, {"level": 3.0}, False, id="a fraction"),
    pytest.param({"claims": {"employee": ["true"]}}, {"employee": True}, True, id="a boolean"),
    pytest.param({"claims": {"employee": ["1"]}}, {"employee": True}, False, id="a boolean is no number"),
    pytest.param({"claims": {"a": ["null"]}}, {"a": None}, False, id="null"),
    pytest.param({"claims": {"a": ["x"], "b": ["y"]}}, {"a": "x", "b": "z"}, False, id="one of two claims"),
    pytest.param({"claims": {"a": ["x"], "b": ["y"]}}, {"a": "x", "b": "y"}, True, id="both claims"),
    pytest.param({"providers": ["azure"]}, {"provider": "azure"}, True, id="the provider"),
    pytest.param({"providers": ["azure"]}, {"provider": "Azure"}, False, id="another provider"),
    pytest.param({"providers": ["azure"]}, {"provider": "github", "azure": "azure"}, False, id="says it is another"),
    pytest.param(
        {"groups": ["admins"], "providers": ["azure"]},
        {"provider": "github", "groups": ["admins"]},
        False,
        id="a group of that name elsewhere",
    ),
]


@pytest.mark.parametrize(("allow", "claims", "expected"), ROWS)
def test_what_a_provider_says_is_taken_for_what_it_says(allow: Any, claims: dict[str, Any], expected: bool) -> None:
    assert allowed(allow).admits(person(claims)) is expected


def test_what_is_not_met_is_named_for_the_log() -> None:
    both = allowed([{"groups": ["staff"], "claims": {"org.unit": ["r&d"]}}, {"emails": ["bob@example.com"]}])
    assert both.unmet(person({"org": {"unit": "r&d"}})) == ["emails", "groups"]
