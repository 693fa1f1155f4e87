"""Expiring, single-use records: the port, Redis behind it, typed collections in front of it, sealing."""

from authproxy_common.records.collection import Collection
from authproxy_common.records.redis_store import RedisStore, open_store
from authproxy_common.records.sealing import SealingKeys, Unsealable, generate_key
from authproxy_common.records.store import Store

__all__ = ["Collection", "RedisStore", "SealingKeys", "Store", "Unsealable", "generate_key", "open_store"]
