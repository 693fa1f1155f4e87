"""`servers`: the upstream MCP servers."""

import re
from collections.abc import Iterator, Mapping

from authproxy_common.config import checks, setting
from authproxy_common.frozen import frozen
from mcp_gateway.domain.resources import default_path
from mcp_gateway.settings.credentials import CredentialSettings
from mcp_gateway.settings.policies import AllowSettings, ScopeSettings, ToolSettings

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,62}){1,8}")

# What paths of ours begin with, or the auth server's where both share a host; and ours of MCP 2025-03-26.
OUR_PATHS = frozenset(".well-known account callback gateway-oauth health login metrics oauth".split())
OUR_ENDPOINTS = frozenset("/authorize /introspect /register /revoke /token".split())
_NAMES_OF_OURS = OUR_PATHS | {"mcp"}


def _is_upstream(value: str) -> str | None:
    return checks.is_url(value) or ("must not have a query" if "?" in value else None)


def _is_path(value: str) -> str | None:
    if not _PATH.fullmatch(value):
        return "must be a path such as /team/wiki, without a slash at the end, dot segments or escapes"
    is_ours = value.split("/")[1].lower() in OUR_PATHS or value.lower() in OUR_ENDPOINTS
    return "is where this gateway has endpoints of its own" if is_ours else None


@frozen(kw_only=True)
class ServerSettings(CredentialSettings):
    """One upstream MCP server."""

    url: str = setting("", check=_is_upstream)
    urls: tuple[str, ...] = setting(())
    path: str = setting("", check=_is_path)
    description: str = setting("")
    scopes: dict[str, str | ScopeSettings] = setting(
        {"mcp": "Use the tools, resources and prompts of this MCP server on your behalf"}
    )
    required_scopes: tuple[str, ...] = setting(())
    allow: tuple[AllowSettings, ...] = setting((), never_empty=True)
    tools: ToolSettings | None = setting(None, never_empty=True)
    response_timeout_seconds: int = setting(300, check=checks.is_positive)
    stream_idle_timeout_seconds: int = setting(3600, check=checks.is_positive)

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        yield from self._unusable_urls()
        for scope in self.scopes:
            if not _SCOPE.fullmatch(scope):
                yield f"scopes.{scope}", "a scope has no spaces, quotes or backslashes (RFC 6749 §3.3)"
        yield from self._unknown_scopes(self.required_scopes, "required_scopes")
        for pattern, restriction in (self.tools.restricted if self.tools else {}).items():
            yield from self._unknown_scopes(restriction.required_scopes, f"tools.restricted.{pattern}.required_scopes")
        yield from self.credential_problems()

    def _unknown_scopes(self, scopes: tuple[str, ...], key: str) -> Iterator[tuple[str, str]]:
        for index, scope in enumerate(scopes):
            if scope not in self.scopes:
                yield f"{key}[{index}]", "is not among this server's scopes"

    def _unusable_urls(self) -> Iterator[tuple[str, str]]:
        if not self.url and not self.urls:
            yield "url", "is missing; or urls, where the server has several endpoints"
        if self.url and self.urls:
            yield "urls", "stands in place of url, not beside it"
        for index, url in enumerate(self.urls):
            if problem := _is_upstream(url) or ("is there twice" if url in self.urls[:index] else None):
                yield f"urls[{index}]", problem

    def keys_that_need_a_caller(self) -> Iterator[str]:
        """Those that nobody could meet of whom nothing is known."""
        if self.allow:
            yield "allow"
        yield from (
            f"scopes.{name}.allow" for name, each in self.scopes.items() if not isinstance(each, str) and each.allow
        )
        yield from (f"tools.restricted.{pattern}" for pattern in (self.tools.restricted if self.tools else {}))


def unusable_servers(servers: Mapping[str, ServerSettings]) -> Iterator[tuple[str, str]]:
    """What is wrong with their names and places, each by its key below `servers`."""
    taken: dict[str, str] = {}
    for name, settings in servers.items():
        if not _NAME.fullmatch(name) or name in _NAMES_OF_OURS:
            yield name, "is no name for a server: lower-case letters, digits and -, and not a path of ours"
        path = settings.path or default_path(name)
        if path in taken:
            yield f"{name}.path", f"is {taken[path]}'s too"
        taken[path] = name
