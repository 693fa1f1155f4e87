"""Callers of an MCP server, made without signing anybody in, and the rules of a server as its settings are written."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from authproxy_common.config.problems import Problems
from authproxy_common.config.reader import read
from authproxy_common.exchange import SignIn
from authproxy_common.secret import Secret
from mcp_gateway.composition.upstreams import build_server
from mcp_gateway.domain.grants import Grant
from mcp_gateway.domain.tokens import ActiveToken
from mcp_gateway.proxy.callers import Caller
from mcp_gateway.proxy.rules import Rules
from mcp_gateway.settings import ServerSettings
from tests.support.gateway import GATEWAY, UPSTREAM

_NOW = datetime(2026, 11, 26, tzinfo=UTC)


def server_settings(**written: Any) -> ServerSettings:
    """The settings of an MCP server, from what stands in the file."""
    problems = Problems("mcp_gateway.yaml")
    settings = read(ServerSettings, {"url": f"{UPSTREAM}/mcp", **written}, "servers.default", problems)
    assert [str(problem) for problem in problems] == []
    return settings


def rules_of(**written: Any) -> Rules | None:
    """What the settings of an MCP server do to its calls."""
    return Rules.of(build_server(GATEWAY, "default", server_settings(**written)))


def caller(scope: Iterable[str], user: dict[str, Any], provider: str = "test") -> Caller:
    """Somebody with an access token of this scope, of whom the provider says this."""
    claims = {"sub": "alice", **user}
    grant = Grant(
        grant_id="g",
        client_id="c",
        subject=f"{provider}:{claims['sub']}",
        resource=f"{GATEWAY}/mcp",
        scope=tuple(scope),
        secret=Secret("s"),
        opened_at=_NOW,
        sign_in=SignIn(provider, Secret("provider-access"), user=claims),
        checked_at=_NOW,
    )
    token = ActiveToken(
        subject=grant.subject,
        client_id="c",
        resource=grant.resource,
        scope=frozenset(grant.scope),
        grant_id="g",
        consent_id=None,
        token_id="t",
        issued_at=_NOW,
        expires_at=_NOW + timedelta(minutes=10),
        good_until=_NOW + timedelta(minutes=10),
    )
    return Caller(token, grant)
