"""`allow`, `scopes` and `tools` of an MCP server: who may use it, be granted what, and call which of its tools."""

from collections.abc import Iterable, Iterator

from authproxy_common.config import setting
from authproxy_common.frozen import frozen
from mcp_gateway.patterns import UnusablePattern, parse_pattern
from mcp_gateway.settings.clients import unusable_hosts

# What has a key of its own, because the claim alone is not to be believed.
_OWN_KEYS = {"email": "emails, which count if they are verified", "groups": "groups, which count if all are named"}


@frozen(kw_only=True)
class AllowSettings:
    """Some people: whoever meets every key that is there, each by any of its values."""

    providers: tuple[str, ...] = setting((), never_empty=True)
    emails: tuple[str, ...] = setting((), never_empty=True)
    email_domains: tuple[str, ...] = setting((), never_empty=True)
    groups: tuple[str, ...] = setting((), never_empty=True)
    claims: dict[str, tuple[str, ...]] = setting({}, never_empty=True)

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        if not (self.providers or self.emails or self.email_domains or self.groups or self.claims):
            yield "", "names nobody: leave it away to let everybody in"
        for index, email in enumerate(self.emails):
            if email.count("@") != 1 or not email.isascii():
                yield f"emails[{index}]", "must be an address, in ASCII"
        yield from unusable_hosts(self.email_domains, "email_domains")
        for path, values in self.claims.items():
            if path in _OWN_KEYS:
                yield f"claims.{path}", f"is not for claims: use {_OWN_KEYS[path]}"
            elif not values:
                yield f"claims.{path}", "needs at least one value"


@frozen(kw_only=True)
class ScopeSettings:
    """A scope that not everybody may be granted."""

    description: str
    allow: tuple[AllowSettings, ...] = setting((), never_empty=True)


@frozen(kw_only=True)
class RestrictionSettings:
    """What tools of one name or pattern ask for."""

    required_scopes: tuple[str, ...] = setting((), never_empty=True)
    allow: tuple[AllowSettings, ...] = setting((), never_empty=True)

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        if not self.required_scopes and not self.allow:
            yield "", "asks for nothing: it needs required_scopes or allow"


@frozen(kw_only=True)
class ToolSettings:
    """Which tools there are for callers of the gateway, and what some of them ask for."""

    include_tools: tuple[str, ...] = setting((), never_empty=True)
    exclude_tools: tuple[str, ...] = setting((), never_empty=True)
    restricted: dict[str, RestrictionSettings] = setting({}, never_empty=True)

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        if not (self.include_tools or self.exclude_tools or self.restricted):
            yield "", "says nothing: leave it away to let everybody call every tool"
        for key in ("include_tools", "exclude_tools"):
            patterns = getattr(self, key)
            yield from unusable_patterns(patterns, [f"{key}[{index}]" for index in range(len(patterns))])
        yield from unusable_patterns(self.restricted, [f"restricted.{pattern}" for pattern in self.restricted])


def unusable_patterns(patterns: Iterable[str], keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What in a list is neither the name of a tool nor a pattern, each with its key."""
    for pattern, key in zip(patterns, keys, strict=True):
        try:
            parse_pattern(pattern)
        except UnusablePattern as error:
            yield key, str(error)
