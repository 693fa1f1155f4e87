"""Which clients an operator lets in, of those that nobody configured (CIMD §6, MCP security)."""

from collections.abc import Iterable

from authproxy_common.errors import InvalidRedirectUri
from authproxy_common.frozen import frozen
from mcp_gateway.domain.redirect_uris import host_or_scheme


@frozen
class ClientPolicy:
    """The operator's lists.

    Args:
        redirect_hosts: Hosts, or schemes with their colon, that codes may be sent to; empty for any.
        known_hosts: Hosts of metadata documents that the operator knows.
        only_known_hosts: Whether documents of other hosts are refused.
    """

    redirect_hosts: frozenset[str] = frozenset()
    known_hosts: frozenset[str] = frozenset()
    only_known_hosts: bool = False

    def allows_redirect_uris(self, redirect_uris: Iterable[str]) -> bool:
        """Whether codes may be sent to all of them."""
        return not self.redirect_hosts or all(host_or_scheme(uri) in self.redirect_hosts for uri in redirect_uris)

    def check_redirect_uris(self, redirect_uris: Iterable[str]) -> None:
        """Raises InvalidRedirectUri unless codes may be sent to all of them."""
        if not self.allows_redirect_uris(redirect_uris):
            raise InvalidRedirectUri("a redirect URI leads to a host that this gateway does not send codes to")

    def knows(self, host: str) -> bool:
        """Whether the operator has this host on the list."""
        return host in self.known_hosts

    def allows_documents_of(self, host: str) -> bool:
        """Whether a client may be identified by a document of this host."""
        return not self.only_known_hosts or self.knows(host)
