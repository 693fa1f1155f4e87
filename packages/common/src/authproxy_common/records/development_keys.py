"""In development a key is made on first start and kept in the store; every replica gets the same one."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from authproxy_common.frozen import frozen
from authproxy_common.records.collection import Collection
from authproxy_common.records.sealing import SealingKeys, generate_key
from authproxy_common.records.store import Store
from authproxy_common.secret import Secret

_KEPT_FOR = timedelta(days=365)


@frozen
class _Kept:
    key: str


async def development_key(store: Store, name: str, generate: Callable[[], Secret]) -> Secret:
    """The key called `name`: the one in the store, or else a new one that is now there."""
    kept = Collection(store, name, _Kept, _KEPT_FOR)
    fresh = _Kept(generate().reveal())
    return Secret((await kept.claim("newest", fresh) or fresh).key)


async def sealing_keys(configured: Sequence[Secret], store: Store, service: str) -> SealingKeys:
    """The configured ring; in development, where none needs to be, the service's generated key."""
    return SealingKeys(configured or (await development_key(store, f"{service}:development-key", generate_key),))
