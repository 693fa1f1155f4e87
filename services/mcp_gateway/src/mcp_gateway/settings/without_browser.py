"""What clients may have that no person consents to in a browser: whether all that is named there is there."""

from collections.abc import Iterator, Mapping, Sequence

from authproxy_common.exchange import PROVIDER_NAME
from mcp_gateway.domain.clients import CLIENT_CREDENTIALS, JWT_BEARER
from mcp_gateway.settings.clients import ClientSettings
from mcp_gateway.settings.servers import ServerSettings
from mcp_gateway.settings.trusted_issuers import TrustedIssuerSettings


def unusable_clients(
    clients: Mapping[str, ClientSettings],
    issuers: Mapping[str, TrustedIssuerSettings],
    servers: Mapping[str, ServerSettings],
) -> Iterator[tuple[str, str]]:
    """What is wrong with clients that act for nobody, or on an issuer's word."""
    presenting = {client_id for issuer in issuers.values() for client_id in issuer.clients}
    for client_id, client in clients.items():
        # It becomes a part of subjects, which MCP servers get in a header (RFC 6749 §A.1).
        if CLIENT_CREDENTIALS in client.grant_types and not (client_id.isascii() and client_id.isprintable()):
            yield f"clients.{client_id}", "is no client_id of printable ASCII characters"
        if JWT_BEARER in client.grant_types and client_id not in presenting:
            yield f"clients.{client_id}.grant_types", f"has {JWT_BEARER}, but no trusted issuer has it in clients"
        yield from _unusable_scopes(f"clients.{client_id}.servers", client.servers, servers)


def unusable_issuers(
    issuers: Mapping[str, TrustedIssuerSettings],
    clients: Mapping[str, ClientSettings],
    servers: Mapping[str, ServerSettings],
    public_url: str,
) -> Iterator[tuple[str, str]]:
    """What is wrong with trusted issuers."""
    seen: set[tuple[str, str]] = set()
    for name, issuer in issuers.items():
        key = f"trusted_issuers.{name}"
        if not PROVIDER_NAME.fullmatch(name):
            yield key, "an issuer's name has lower-case letters, digits, - and _ alone, and is not client"
        if issuer.issuer.rstrip("/") == public_url:
            yield f"{key}.issuer", "is this gateway itself"
        if (issuer.issuer, issuer.tenant) in seen:
            yield f"{key}.issuer", "is there twice, with the same tenant"
        seen.add((issuer.issuer, issuer.tenant))
        for index, client_id in enumerate(issuer.clients):
            if client_id not in clients or JWT_BEARER not in clients[client_id].grant_types:
                yield f"{key}.clients[{index}]", f"is none of clients that has {JWT_BEARER} in its grant_types"
        yield from _unusable_scopes(f"{key}.servers", issuer.servers, servers)


def _unusable_scopes(
    key: str, allowed: Mapping[str, Sequence[str]], servers: Mapping[str, ServerSettings]
) -> Iterator[tuple[str, str]]:
    for name, scopes in allowed.items():
        if name not in servers:
            yield f"{key}.{name}", "is none of servers"
            continue
        if not scopes:
            yield f"{key}.{name}", "names no scope"
        for index, scope in enumerate(scopes):
            if scope not in servers[name].scopes:
                yield f"{key}.{name}[{index}]", "is not among that server's scopes"
        if scopes and (lacking := [each for each in servers[name].required_scopes if each not in scopes]):
            yield f"{key}.{name}", f"lacks {' '.join(lacking)}, without which that server refuses every call"
