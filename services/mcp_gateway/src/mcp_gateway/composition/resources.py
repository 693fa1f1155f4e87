"""What the process opens and the app closes."""

import httpx

from authproxy_common.addresses import Address, is_loopback, is_public
from authproxy_common.clients.documents import Fetcher
from authproxy_common.clock import Clock
from authproxy_common.frozen import frozen
from authproxy_common.http.fetching import FetcherWhenNeeded
from authproxy_common.records import SealingKeys, Store
from authproxy_common.records.rate_limits import RateCounters
from mcp_gateway.proxy.transport import UpstreamTransport
from mcp_gateway.settings import AdapterSettings
from mcp_gateway.tokens.signing_keys import SigningKeys


@frozen
class Fetchers:
    """How documents are fetched.

    Args:
        public: From the public internet alone: what strangers wrote.
        anywhere: Whatever the operator named.
    """

    public: Fetcher
    anywhere: Fetcher


def open_fetchers(config: AdapterSettings) -> Fetchers:
    """Both; in development strangers' documents may be on this machine too."""

    def outside(address: Address) -> bool:
        return is_public(address) or (config.allow_loopback_client_metadata and is_loopback(address))

    return Fetchers(public=FetcherWhenNeeded(outside), anywhere=FetcherWhenNeeded(lambda _address: True))


@frozen
class Resources:
    """All of it.

    Args:
        store: Shared between replicas.
        counters: For rate limits; shared too.
        sealing_keys: Seal records and registrations.
        signing_keys: Sign access tokens.
        http: Towards the auth server.
        fetchers: Towards whatever clients publish.
        transport: Towards the upstream MCP servers.
        now: The clock.
    """

    store: Store
    counters: RateCounters
    sealing_keys: SealingKeys
    signing_keys: SigningKeys
    http: httpx.AsyncClient
    fetchers: Fetchers
    transport: UpstreamTransport
    now: Clock
