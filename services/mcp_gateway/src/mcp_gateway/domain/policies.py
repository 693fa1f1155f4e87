"""What an operator says of an MCP server's callers, its scopes and its tools, and what follows from it for one call."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Protocol

from authproxy_common.exchange import Person
from authproxy_common.frozen import frozen
from mcp_gateway.domain.access import EVERYBODY, Allowed


class NamePattern(Protocol):
    """Matches names of tools."""

    def matches(self, name: str) -> bool:
        """Whether it is the name's, all of it, code point by code point."""
        ...


@frozen
class ToolNames:
    """Some tools.

    Args:
        exact: By their names.
        patterns: By patterns of them.
    """

    exact: frozenset[str] = frozenset()
    patterns: tuple[NamePattern, ...] = ()

    @property
    def are_none(self) -> bool:
        """Whether nothing is named."""
        return not self.exact and not self.patterns

    def match(self, name: str) -> bool:
        """Whether one of the patterns is the name's."""
        return any(pattern.matches(name) for pattern in self.patterns)

    def have(self, name: str) -> bool:
        """Whether it is one of them."""
        return name in self.exact or self.match(name)


@frozen
class Restriction:
    """What some tools ask for, besides what the MCP server does.

    Args:
        tools: Which.
        required_scopes: All of them.
        allowed: Who may call them.
    """

    tools: ToolNames
    required_scopes: tuple[str, ...] = ()
    allowed: Allowed = EVERYBODY


@frozen
class ToolRule:
    """What holds for one tool, whoever calls it.

    Args:
        is_offered: Whether it is there at all.
        required_scopes: Of every restriction that is its.
        allowed: Of these restrictions; a caller has to be let in by each.
    """

    is_offered: bool
    required_scopes: tuple[str, ...] = ()
    allowed: frozenset[Allowed] = frozenset()


@frozen
class ToolPolicy:
    """Which tools there are for callers of the gateway, and what some of them ask for."""

    include: ToolNames = field(default_factory=ToolNames)
    exclude: ToolNames = field(default_factory=ToolNames)
    restrictions: tuple[Restriction, ...] = ()

    def rule(self, name: str) -> ToolRule:
        """What holds for the tool of this name."""
        if not self._offers(name):
            return ToolRule(is_offered=False)
        own = [restriction for restriction in self.restrictions if restriction.tools.have(name)]
        scopes = dict.fromkeys(scope for restriction in own for scope in restriction.required_scopes)
        allowed = frozenset(restriction.allowed for restriction in own)
        return ToolRule(is_offered=True, required_scopes=tuple(scopes), allowed=allowed)

    def _offers(self, name: str) -> bool:
        """By its name before any pattern, and out before in. What is not named is in, unless others are named so."""
        if name in self.exclude.exact:
            return False
        if name in self.include.exact:
            return True
        if self.exclude.match(name):
            return False
        return self.include.are_none or self.include.match(name)


@frozen
class AccessPolicy:
    """Everything that is said of one MCP server's callers.

    Args:
        allowed: Who may use it at all.
        scopes: Those of its scopes that not everybody may be granted.
        tools: None where nothing is said of them, and messages need not be read.
    """

    allowed: Allowed = EVERYBODY
    scopes: Mapping[str, Allowed] = field(default_factory=dict)
    tools: ToolPolicy | None = None

    @property
    def depends_on_person(self) -> bool:
        """Whether anything of it cannot be decided without knowing who calls."""
        restrictions = self.tools.restrictions if self.tools else ()
        return bool(self.allowed.alternatives or self.scopes or any(each.allowed.alternatives for each in restrictions))

    @property
    def lists_differ(self) -> bool:
        """Whether two callers may see different lists of tools."""
        return bool(self.tools and self.tools.restrictions)

    def withheld(self, person: Person | None) -> frozenset[str]:
        """The scopes that the person may not be granted."""
        return frozenset(scope for scope, allowed in self.scopes.items() if not allowed.admits(person))

    def standing(self, person: Person | None, scope: Iterable[str]) -> "Standing":
        """Where a caller stands who has a token of this scope; None for one of whom nothing is known."""
        withheld = self.withheld(person)
        return Standing(frozenset(scope) - withheld, withheld, self._restrictions_open_to(person))

    def standing_of_client(self, scope: Iterable[str]) -> "Standing":
        """Where a client stands that acts for nobody.

        What it may have was written down for it, so that no rule about people takes it away; tools that are for certain
        people are not for it.
        """
        return Standing(frozenset(scope), let_in_by=self._restrictions_open_to(None))

    def _restrictions_open_to(self, person: Person | None) -> frozenset[Allowed]:
        restrictions = self.tools.restrictions if self.tools else ()
        return frozenset(each.allowed for each in restrictions if each.allowed.admits(person))


@frozen
class Standing:
    """A caller, as far as the tools of an MCP server ask.

    Args:
        scope: Of the access token, without what is withheld.
        withheld: Scopes that the person may not be granted.
        let_in_by: Those whom restrictions of tools are open to, if the caller is among them.
    """

    scope: frozenset[str]
    withheld: frozenset[str] = frozenset()
    let_in_by: frozenset[Allowed] = frozenset()


@frozen
class Permitted:
    """The tool may be called."""


@frozen
class ScopesMissing:
    """It may be called with the scopes `required`, which the caller does not have and could be granted."""

    required: tuple[str, ...]


@frozen
class Denied:
    """It may not be called by this person, whatever the scopes; `reason` is for the person to read."""

    reason: str


Decision = Permitted | ScopesMissing | Denied

PERMITTED = Permitted()
NOT_OFFERED = Denied("this gateway does not offer this tool")
NOT_FOR_THIS_ACCOUNT = Denied("this account may not call this tool")
OUT_OF_REACH = Denied("this account may not be granted what this tool asks for")


def decide(rule: ToolRule, standing: Standing) -> Decision:
    """Whether a tool of which `rule` holds may be called. No scope is asked for where none would help."""
    if not rule.is_offered:
        return NOT_OFFERED
    if not rule.allowed <= standing.let_in_by:
        return NOT_FOR_THIS_ACCOUNT
    missing = [scope for scope in rule.required_scopes if scope not in standing.scope]
    if not standing.withheld.isdisjoint(missing):
        return OUT_OF_REACH
    return ScopesMissing(rule.required_scopes) if missing else PERMITTED
