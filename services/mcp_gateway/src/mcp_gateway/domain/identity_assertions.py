"""Identity assertions as grants, ID-JAG: an issuer's word that a client acts for a person.

The rules are those of draft-ietf-oauth-identity-assertion-authz-grant §4.4.1, RFC 7523 §3, and where they differ the
stricter ones of MCP's enterprise-managed authorization.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from authproxy_common.errors import InvalidGrant, InvalidTarget
from authproxy_common.exchange import Person
from authproxy_common.frozen import frozen
from mcp_gateway.domain.allowances import Allowance
from mcp_gateway.domain.resources import MCPServer, MCPServers, canonical, granted_of

PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"

_TYPES = frozenset({"oauth-id-jag+jwt", "application/oauth-id-jag+jwt"})
_LEEWAY = timedelta(seconds=60)
_LONGEST = timedelta(hours=1)
# OpenID Connect Core §2.
_LONGEST_SUBJECT = 255
# They narrow what an assertion may be used for in ways that are not understood here, so it may not be used at all.
_RESTRICTIONS = ("cnf", "authorization_details")
# What is about the assertion and not about the person.
_OF_THE_ASSERTION = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti", "client_id", "resource", "scope"})


@frozen
class TrustedIssuer:
    """An issuer whose word the operator takes for who somebody is, and for nothing else than is written down.

    Args:
        name: In the configuration. It begins the subjects of its people, as a provider's name does.
        issuer: Its issuer identifier.
        tenant: Whose people are meant, where it is one issuer for several; else empty.
        jwks_uri: Where its keys are; empty where its metadata says that.
        clients: Those that may present its assertions.
        allowance: What may be granted to its people.
        email_domains: Whose addresses it may speak for; empty where the assertion says which ones are verified.
    """

    name: str
    issuer: str
    tenant: str
    jwks_uri: str
    clients: frozenset[str]
    allowance: Allowance
    email_domains: frozenset[str]

    def speaks_for(self, address: Any) -> bool:
        """Whether its word about this e-mail address counts."""
        # Beyond ASCII the lower case of one domain may be another domain.
        if not isinstance(address, str) or not address.isascii():
            return False
        local_part, _, domain = address.rpartition("@")
        return bool(local_part) and domain.lower() in self.email_domains


@frozen
class IdentityAssertion:
    """What an assertion says whose signature was verified, each claim of its type.

    Args:
        issuer: Whose key signed it.
        jti: Tells it from all others of its issuer.
        client_id: Who may present it.
        audience: For whom it is.
        issued_at, begins_at, expires_at: When it is good.
        resource, scope: What for; None where that is not said.
        claims: All of them.
    """

    issuer: TrustedIssuer
    jti: str
    client_id: str
    audience: tuple[str, ...]
    issued_at: datetime
    begins_at: datetime
    expires_at: datetime
    resource: tuple[str, ...] | None
    scope: tuple[str, ...] | None
    claims: Mapping[str, Any]

    @classmethod
    def from_jwt(
        cls, issuer: TrustedIssuer, header: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> "IdentityAssertion":
        """Raises InvalidGrant for any other kind of JWT, whoever signed it (RFC 8725 §3.11), and for lacking claims."""
        if str(header.get("typ", "")).lower() not in _TYPES:
            raise InvalidGrant("the assertion is a JWT of another type than oauth-id-jag+jwt")
        for name in _RESTRICTIONS:
            if name in claims:
                raise InvalidGrant(f"the assertion has {name}, which is not supported here")
        subject = _text(claims, "sub")
        if len(subject) > _LONGEST_SUBJECT or not subject.isprintable():
            raise InvalidGrant("the assertion's sub is longer than 255 characters, or is not printable")
        return cls(
            issuer=issuer,
            jti=_text(claims, "jti"),
            client_id=_text(claims, "client_id"),
            audience=_texts(claims, "aud") or (),
            issued_at=_time(claims, "iat"),
            begins_at=_time(claims, "nbf") if "nbf" in claims else _time(claims, "iat"),
            expires_at=_time(claims, "exp"),
            resource=_texts(claims, "resource"),
            scope=tuple(_text(claims, "scope").split()) if "scope" in claims else None,
            claims=claims,
        )

    def check(self, client_id: str, audiences: frozenset[str], now: datetime) -> None:
        """Raises InvalidGrant unless it is for us, presented by the client that it names, and in time."""
        # One alone: what somebody else accepts too, somebody else can present here.
        if len(self.audience) != 1 or self.audience[0] not in audiences:
            raise InvalidGrant("the assertion is for another authorization server: aud must be this issuer alone")
        if not hmac.compare_digest(self.client_id.encode(), client_id.encode()):
            raise InvalidGrant("the assertion is for another client: client_id must be that of the one presenting it")
        if self.expires_at <= now - _LEEWAY:
            raise InvalidGrant("the assertion has expired")
        if max(self.issued_at, self.begins_at) > now + _LEEWAY:
            raise InvalidGrant("the assertion is of the future")
        if self.expires_at - self.issued_at > _LONGEST:
            raise InvalidGrant("the assertion is good for longer than an hour")

    def target(self, requested: str | None, servers: MCPServers) -> MCPServer:
        """The MCP server that it gives access to; `requested` is the request's own `resource`.

        Raises:
            InvalidGrant: It is for none of ours; or it does not say for which, and there are several.
            InvalidTarget: The request names another, or does not choose among several.
        """
        if self.resource is None:
            if servers.sole() is None:
                raise InvalidGrant("the assertion does not say for which resource it is, and there are several here")
            return servers.target(requested)
        named = [canonical(resource) for resource in self.resource]
        meant = [server for server in servers.by_path.values() if server.resource in named]
        if not meant:
            raise InvalidGrant("the assertion is for no MCP server of this gateway")
        if requested is None and len(meant) == 1:
            return meant[0]
        server = servers.target(requested)
        if server not in meant:
            raise InvalidTarget("resource is none that the assertion is for")
        return server

    def granted_scope(self, server: MCPServer, requested: str | None) -> tuple[str, ...]:
        """What the operator allows the issuer's people at `server`, the assertion has, and the request asks for.

        Raises:
            InvalidGrant: The first two have nothing in common.
            InvalidScope: Nothing of that was requested.
        """
        allowed = self.issuer.allowance.at(server)
        available = tuple(scope for scope in allowed if self.scope is None or scope in self.scope)
        if not available:
            raise InvalidGrant("the assertion has no scope that its issuer may grant at this MCP server")
        return granted_of(available, requested)

    def person(self) -> Person:
        """Whom it is about; an address that the issuer may not speak for is left out."""
        user = {name: value for name, value in self.claims.items() if name not in _OF_THE_ASSERTION}
        if self.issuer.email_domains:
            address = user.pop("email", None)
            user.pop("email_verified", None)
            user |= {"email": address, "email_verified": True} if self.issuer.speaks_for(address) else {}
        return Person(self.issuer.name, user)


@frozen
class UsedIdentityAssertion:
    """Marks an assertion as used. Its key is the issuer and the `jti`."""


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidGrant(f"the assertion's {name} is missing, or is no text")
    return value


def _texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """One or several, or None where the claim is missing."""
    if name not in claims:
        return None
    values = claims[name] if isinstance(claims[name], list) else [claims[name]]
    if not all(isinstance(value, str) for value in values):
        raise InvalidGrant(f"the assertion's {name} is neither text nor a list of texts")
    return tuple(values)


def _time(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        pass
    raise InvalidGrant(f"the assertion's {name} is missing, or is no time")
