"""What the process opens and the app closes."""

import httpx

from authproxy_common.clients.documents import Fetcher
from authproxy_common.clock import Clock
from authproxy_common.frozen import frozen
from authproxy_common.records import SealingKeys, Store
from authproxy_common.records.rate_limits import RateCounters


@frozen
class Resources:
    """All of it.

    Args:
        store: Shared between replicas.
        counters: For rate limits; shared too.
        keys: Seals records.
        http: Towards providers.
        fetcher: Towards key sets of gateways, wherever the operator says that they are.
        now: The clock.
    """

    store: Store
    counters: RateCounters
    keys: SealingKeys
    http: httpx.AsyncClient
    fetcher: Fetcher
    now: Clock
