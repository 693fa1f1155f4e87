"""`servers`: the upstream MCP servers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from authproxy_common.config import checks, setting
from mcp_gateway.settings.credentials import CredentialSettings

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def _is_upstream(value: str) -> str | None:
    return checks.is_url(value) or ("must not have a query" if "?" in value else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(CredentialSettings):
    """One upstream MCP server."""

    url: str = setting("", check=_is_upstream)
    urls: tuple[str, ...] = setting(())
    scopes: dict[str, str] = setting({"mcp": "Use the tools, resources and prompts of this MCP server on your behalf"})
    required_scopes: tuple[str, ...] = setting(())
    response_timeout_seconds: int = setting(300, check=checks.is_positive)
    stream_idle_timeout_seconds: int = setting(3600, check=checks.is_positive)

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        yield from self._unusable_urls()
        for scope in self.scopes:
            if not _SCOPE.fullmatch(scope):
                yield f"scopes.{scope}", "a scope has no spaces, quotes or backslashes (RFC 6749 §3.3)"
        for index, scope in enumerate(self.required_scopes):
            if scope not in self.scopes:
                yield f"required_scopes[{index}]", "is not among this server's scopes"
        yield from self.credential_problems()

    def _unusable_urls(self) -> Iterator[tuple[str, str]]:
        if not self.url and not self.urls:
            yield "url", "is missing; or urls, where the server has several endpoints"
        if self.url and self.urls:
            yield "urls", "stands in place of url, not beside it"
        for index, url in enumerate(self.urls):
            if problem := _is_upstream(url) or ("is there twice" if url in self.urls[:index] else None):
                yield f"urls[{index}]", problem
