"""Which tools may be called and are shown: every combination that a policy can express, against an oracle."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from mcp_gateway.proxy.messages import MessageRefused, RoutingHeaders
from mcp_gateway.proxy.rules import Rules
from tests.support.callers import caller, rules_of

pytestmark = pytest.mark.requirement("PO-02", "PO-03", "RS-05")

# `get_page` is named exactly and met by the pattern, `get_space` met by the pattern alone, `search` neither.
TOOLS = ("get_page", "get_space", "search")
EXACT, PATTERN = ["get_page"], ["get_*"]
LISTS = {"nothing": None, "by name": EXACT, "by pattern": PATTERN, "by both": EXACT + PATTERN}
RESTRICTIONS: dict[str, dict[str, Any] | None] = {
    "for everybody": None,
    "for a scope": {"required_scopes": ["write"]},
    "for some": {"allow": {"groups": ["staff"]}},
    "for some and a scope": {"required_scopes": ["write"], "allow": {"groups": ["staff"]}},
}
RESTRICTED = {"by name": "get_page", "by pattern": "get_*"}


@dataclass(frozen=True)
class Somebody:
    """A caller, in everything that a policy of these can ask about."""

    is_let_in: bool
    is_staff: bool
    has_scope: bool
    may_have_scope: bool


@dataclass(frozen=True)
class Policy:
    """One combination."""

    include: str
    exclude: str
    restricted: str
    restriction: str

    def settings(self, who: Somebody) -> dict[str, Any]:
        """As it is written; whom the server and the scope let in is turned about, since the caller stays the same."""
        tools = {
            "include_tools": LISTS[self.include],
            "exclude_tools": LISTS[self.exclude],
            "restricted": {RESTRICTED[self.restricted]: RESTRICTIONS[self.restriction]}
            if RESTRICTIONS[self.restriction]
            else None,
        }
        tools = {name: value for name, value in tools.items() if value}
        return {
            "scopes": {
                "read": "Read",
                "write": {
                    "description": "Write",
                    "allow": {"claims": {"may_write": [str(who.may_have_scope).lower()]}},
                },
            },
            "required_scopes": ["read"],
            "allow": {"claims": {"let_in": [str(who.is_let_in).lower()]}},
        } | ({"tools": tools} if tools else {})


PEOPLE = [Somebody(*each) for each in product([True, False], repeat=4)]
POLICIES = [Policy(*each) for each in product(LISTS, LISTS, RESTRICTED, RESTRICTIONS)]


def who_calls(who: Somebody) -> Any:
    groups = ["staff"] if who.is_staff else ["guests"]
    return caller(
        {"read", "write"} if who.has_scope else {"read"}, {"groups": groups, "let_in": True, "may_write": True}
    )


def outcome(rules: Rules | None, who: Somebody, method: str, **params: Any) -> Any:
    """What becomes of a call: what may be seen of the answer, or what the client is told."""
    assert rules is not None
    headers = RoutingHeaders("POST", [(b"content-type", b"application/json")])
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()
    try:
        return rules.shown(who_calls(who), headers, body)
    except MessageRefused as refused:
        return refused.error.code, asked_for(refused)


def asked_for(refused: MessageRefused) -> str:
    """The scopes that the client is told to ask for."""
    return refused.error.headers().get("WWW-Authenticate", "").partition('scope="')[2].rstrip('"')


def may_call(rules: Rules | None, who: Somebody, tool: str) -> Any:
    refused = outcome(rules, who, "tools/call", name=tool)
    return refused if isinstance(refused, tuple) else "permitted"


def expected(policy: Policy, who: Somebody, tool: str) -> Any:
    """The same, worked out apart from the code under test, as the documentation has it."""
    if not who.is_let_in:
        return "access_denied", ""
    if not is_offered(policy, tool):
        return "access_denied", ""
    restricted = tool == "get_page" or (policy.restricted == "by pattern" and tool == "get_space")
    if restricted and "some" in policy.restriction and not who.is_staff:
        return "access_denied", ""
    if restricted and "scope" in policy.restriction and not (who.has_scope and who.may_have_scope):
        return ("insufficient_scope", "read write") if who.may_have_scope else ("access_denied", "")
    return "permitted"


def is_offered(policy: Policy, tool: str) -> bool:
    """The four rules in their order, and what holds where none applies."""
    for names, listed, answer in (
        ("by name", policy.exclude, False),
        ("by name", policy.include, True),
        ("by pattern", policy.exclude, False),
        ("by pattern", policy.include, True),
    ):
        is_named = {"by name": tool == "get_page", "by pattern": tool.startswith("get_")}[names]
        if listed in {names, "by both"} and is_named:
            return answer
    return policy.include == "nothing"


def differences(policy: Policy) -> Iterator[str]:
    for who in PEOPLE:
        rules = rules_of(**policy.settings(who))
        decided = {tool: may_call(rules, who, tool) for tool in TOOLS}
        wanted = {tool: expected(policy, who, tool) for tool in TOOLS}
        if decided != wanted:
            yield f"{who}: {decided}, not {wanted}"
        yield from list_differences(rules, who, wanted)


def list_differences(rules: Rules | None, who: Somebody, wanted: dict[str, Any]) -> Iterator[str]:
    """A list of tools has those that may be called, for who may ask for it at all."""
    shown = outcome(rules, who, "tools/list")
    if isinstance(shown, tuple):
        if who.is_let_in:
            yield f"{who}: the list is refused"
    elif shown is None:
        if set(wanted.values()) != {"permitted"}:
            yield f"{who}: the list is not looked at"
    else:
        seen = [tool for tool in TOOLS if shown.permits(tool)]
        if seen != [tool for tool in TOOLS if wanted[tool] == "permitted"]:
            yield f"{who}: sees {seen}"


@pytest.mark.parametrize(
    "policy",
    POLICIES,
    ids=lambda p: f"in {p.include}, out {p.exclude}, restricted {p.restricted} {p.restriction}",
)
def test_calls_and_lists_are_as_the_documentation_has_them(policy: Policy) -> None:
    assert list(differences(policy)) == []


def one(tools: dict[str, Any], tool: str, who: Any = None, **server: Any) -> Any:
    """What becomes of one call under a policy that a person has written."""
    settings = {"scopes": {"mcp": "Use", "write": "Write", "admin": "Rule"}, "tools": tools, **server}
    rules = rules_of(**settings)
    assert rules is not None
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}).encode()
    try:
        rules.shown(who or caller({"mcp"}, {"groups": ["staff"]}), RoutingHeaders("POST", []), body)
    except MessageRefused as refused:
        return asked_for(refused) or "denied"
    return "permitted"


ROWS: list[Any] = [
    pytest.param({"include_tools": ["search"]}, "search", "permitted", id="what is included is in"),
    pytest.param({"include_tools": ["search"]}, "delete", "denied", id="what is not, is out"),
    pytest.param({"exclude_tools": ["delete"]}, "delete", "denied", id="what is excluded is out"),
    pytest.param({"exclude_tools": ["delete"]}, "search", "permitted", id="what is not, is in"),
    pytest.param({"exclude_tools": ["delete"], "include_tools": ["delete"]}, "delete", "denied", id="out before in"),
    pytest.param({"exclude_tools": ["get_*"], "include_tools": ["get_page"]}, "get_page", "permitted", id="but one"),
    pytest.param({"exclude_tools": ["get_*"], "include_tools": ["get_page"]}, "get_space", "denied", id="and no other"),
    pytest.param({"exclude_tools": ["get_*"], "include_tools": ["*"]}, "get_page", "denied", id="all but these"),
    pytest.param({"exclude_tools": ["get_secret"], "include_tools": ["get_*"]}, "get_secret", "denied", id="a secret"),
    pytest.param({"include_tools": ["/get_(page|space)/"]}, "get_space", "permitted", id="an expression"),
    pytest.param({"include_tools": ["/get_(page|space)/"]}, "get_spaces", "denied", id="of the whole name"),
    pytest.param({"include_tools": ["/get_(page|space)/"]}, "forget_page", "denied", id="from its beginning"),
    pytest.param({"include_tools": ["get_page"]}, "Get_page", "denied", id="in another case"),
    pytest.param({"include_tools": ["get_page"]}, "get_page ", "denied", id="with a space"),
    pytest.param({"include_tools": ["get_page"]}, "get_p\u0430ge", "denied", id="with a letter that looks alike"),
    pytest.param({"include_tools": ["get_page"]}, "get\uff3fpage", "denied", id="with a letter of another width"),
    pytest.param({"include_tools": ["caf\u00e9"]}, "cafe\u0301", "denied", id="composed otherwise"),
    pytest.param({"include_tools": ["a?c"]}, "abc", "permitted", id="any one letter"),
    pytest.param({"include_tools": ["a?c"]}, "ac", "denied", id="not none"),
    pytest.param({"exclude_tools": ["get_*"]}, "get_\n", "denied", id="a line break is a letter too"),
    pytest.param({"restricted": {"*": {"required_scopes": ["mcp"]}}}, "x", "permitted", id="a scope that is there"),
    pytest.param({"restricted": {"x": {"required_scopes": ["write"]}}}, "x", "mcp admin write", id="one that is not"),
    pytest.param(
        {"restricted": {"x*": {"required_scopes": ["write"]}, "xy": {"required_scopes": ["admin"]}}},
        "xy",
        "mcp write admin",
        id="those of every restriction",
    ),
    pytest.param(
        {"restricted": {"x*": {"required_scopes": ["mcp"]}, "xy": {"allow": {"groups": ["admins"]}}}},
        "xy",
        "denied",
        id="the people of every restriction",
    ),
    pytest.param(
        {"restricted": {"x*": {"allow": {"groups": ["staff"]}}, "xy": {"allow": {"groups": ["staff", "a"]}}}},
        "xy",
        "permitted",
        id="who meets all of them",
    ),
    pytest.param(
        {"exclude_tools": ["x"], "restricted": {"x": {"required_scopes": ["write"]}}},
        "x",
        "denied",
        id="no scope is asked for what is out",
    ),
    pytest.param(
        {"restricted": {"x": {"required_scopes": ["write"], "allow": {"groups": ["admins"]}}}},
        "x",
        "denied",
        id="nor of whom it would not help",
    ),
]


@pytest.mark.parametrize(("tools", "tool", "expected"), ROWS)
def test_a_call_is_decided_by_the_name_of_its_tool(tools: dict[str, Any], tool: str, expected: str) -> None:
    assert one(tools, tool) == expected


def test_every_call_needs_the_scopes_that_no_tool_asks_for_and_everybody_may_have() -> None:
    rules = rules_of(
        scopes={"read": "Read", "write": "Write", "admin": {"description": "Rule", "allow": {"groups": ["admins"]}}},
        tools={"restricted": {"create_*": {"required_scopes": ["write"]}}},
    )
    assert rules is not None
    assert rules.server.required_scopes == ("read",)


def test_a_token_keeps_no_scope_that_its_person_may_not_have_any_more() -> None:
    admin = {"description": "Rule", "allow": {"groups": ["admins"]}}
    scopes: dict[str, Any] = {"mcp": "Use", "admin": admin}
    tools = {"restricted": {"x": {"required_scopes": ["admin"]}}}
    before = caller({"mcp", "admin"}, {"groups": ["admins"]})
    after = caller({"mcp", "admin"}, {"groups": ["staff"]})
    assert one(tools, "x", before, scopes=scopes) == "permitted"
    assert one(tools, "x", after, scopes=scopes) == "denied"


@pytest.mark.parametrize("length", [127, 128, 129, 8192])
def test_a_name_may_have_any_length(length: int) -> None:
    assert one({"include_tools": ["x*"]}, "x" * length) == "permitted"
    assert one({"include_tools": ["y*", "/(x+x+)+y/"]}, "x" * length) == "denied"


@pytest.mark.requirement("PO-05")
def test_a_server_whose_policy_says_nothing_has_no_rules() -> None:
    assert rules_of() is None


@pytest.mark.requirement("PO-05", "PO-01")
def test_where_only_people_matter_no_message_is_read() -> None:
    rules = rules_of(allow={"groups": ["staff"]})
    assert rules is not None
    assert rules.headers == {}
    assert rules.shown(caller({"mcp"}, {"groups": ["staff"]}), RoutingHeaders("POST", []), b"no JSON") is None
