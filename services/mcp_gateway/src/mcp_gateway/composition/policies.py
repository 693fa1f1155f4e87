"""Access policies, as the settings of an MCP server say."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from authproxy_common.exchange import Person
from mcp_gateway.domain.access import (
    Allowed,
    Criterion,
    claim,
    email_domain_of,
    email_of,
    groups,
    provider_of,
)
from mcp_gateway.domain.policies import AccessPolicy, Restriction, ToolNames, ToolPolicy
from mcp_gateway.patterns import parse_pattern
from mcp_gateway.settings import ServerSettings
from mcp_gateway.settings.policies import AllowSettings, ToolSettings

CRITERIA: Mapping[str, Callable[[Person], frozenset[str]]] = {
    "providers": provider_of,
    "emails": email_of,
    "email_domains": email_domain_of,
    "groups": groups,
}


def build_access(settings: ServerSettings) -> AccessPolicy:
    """What the settings' `allow`, `scopes` and `tools` say."""
    return AccessPolicy(
        allowed=build_allowed(settings.allow),
        scopes={
            name: build_allowed(each.allow)
            for name, each in settings.scopes.items()
            if not isinstance(each, str) and each.allow
        },
        tools=_tools(settings.tools) if settings.tools else None,
    )


def scopes_in_words(settings: ServerSettings) -> dict[str, str]:
    """Each scope with what a person reads of it."""
    return {name: each if isinstance(each, str) else each.description for name, each in settings.scopes.items()}


def required_scopes(settings: ServerSettings) -> tuple[str, ...]:
    """The configured ones; else all but those that not everybody may have, or that single tools ask for."""
    if settings.required_scopes:
        return settings.required_scopes
    restricted = settings.tools.restricted.values() if settings.tools else ()
    special = {scope for restriction in restricted for scope in restriction.required_scopes}
    special |= {name for name, each in settings.scopes.items() if not isinstance(each, str) and each.allow}
    return tuple(scope for scope in settings.scopes if scope not in special)


def build_allowed(alternatives: Sequence[AllowSettings]) -> Allowed:
    """Whom these blocks let in."""
    return Allowed(tuple(_criteria(each) for each in alternatives))


def _criteria(settings: AllowSettings) -> tuple[Criterion, ...]:
    written = {name: getattr(settings, name) for name in CRITERIA}
    # As addresses are compared: in lower case.
    written["emails"] = [email.lower() for email in settings.emails]
    criteria = [Criterion(name, CRITERIA[name], frozenset(values)) for name, values in written.items() if values]
    claims = [Criterion(f"claims.{path}", claim(path), frozenset(values)) for path, values in settings.claims.items()]
    return (*criteria, *claims)


def _tools(settings: ToolSettings) -> ToolPolicy:
    return ToolPolicy(
        include=_names(settings.include_tools),
        exclude=_names(settings.exclude_tools),
        restrictions=tuple(
            Restriction(_names([pattern]), each.required_scopes, build_allowed(each.allow))
            for pattern, each in settings.restricted.items()
        ),
    )


def _names(written: Iterable[str]) -> ToolNames:
    parsed = {text: parse_pattern(text) for text in written}
    return ToolNames(
        exact=frozenset(text for text, pattern in parsed.items() if pattern is None),
        patterns=tuple(pattern for pattern in parsed.values() if pattern is not None),
    )
