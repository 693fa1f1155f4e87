"""Whose browser and which name a call came by; the defence against DNS rebinding (MCP transports)."""

from collections.abc import Iterable

from starlette.datastructures import Headers

from authproxy_common.errors import AccessDenied
from authproxy_common.frozen import frozen
from authproxy_common.uri import MalformedURI, parse_http_uri


@frozen
class OriginPolicy:
    """What `Host` and `Origin` may say.

    Args:
        hosts: Authorities that are ours, in lower case.
        origins: Whose scripts may call.
        any_loopback_origin: Whether pages on this computer may call too, whatever their port: in development alone.
    """

    hosts: frozenset[str]
    origins: frozenset[str]
    any_loopback_origin: bool

    @classmethod
    def for_public_url(
        cls, public_url: str, hosts: Iterable[str], origins: Iterable[str], *, development: bool
    ) -> "OriginPolicy":
        """The public URL's own host and origin, and the configured ones."""
        uri = parse_http_uri(public_url)
        own = {uri.origin.partition("://")[2], f"{uri.host}:{uri.port}"}
        if development and uri.is_loopback:
            own |= {f"{name}:{uri.port}" for name in ("localhost", "127.0.0.1", "[::1]")}
        allowed = frozenset(parse_http_uri(origin).origin for origin in origins)
        return cls(frozenset(own | {h.lower() for h in hosts}), allowed | {uri.origin}, development)

    def check(self, headers: Headers) -> None:
        """Raises AccessDenied."""
        if headers.get("host", "").lower() not in self.hosts:
            raise AccessDenied("this host name is not one of this gateway's; see public_url and allowed_hosts")
        origin = headers.get("origin")
        if origin is not None and not self.allows(origin):
            raise AccessDenied("pages of this origin may not call this gateway; see allowed_origins")

    def allows(self, origin: str) -> bool:
        """Whether pages of `origin` may call."""
        try:
            uri = parse_http_uri(origin)
        except MalformedURI:
            return False
        return uri.origin in self.origins or (self.any_loopback_origin and uri.is_loopback)
