"""The gateway as it is deployed: real Redis, audit, metrics and limits on."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from redis import Redis

from authproxy_common.config import load
from authproxy_common.records import SealingKeys, generate_key, open_store
from mcp_gateway.collections import Collections
from mcp_gateway.settings import AdapterSettings, GatewaySettings
from tests.bench.accounting import with_children
from tests.bench.contestants import Contestant, Course, Running
from tests.bench.contestants.processes import pinned
from tests.bench.tokens import ISSUER, KINDS, SIGNING_KEY, grant, token
from tests.support.servers import RedisServer, free_port

_AT_ONCE = 100

Change = Callable[[dict[str, Any]], None]


def unchanged(_config: dict[str, Any]) -> None:
    """The configuration as it is."""


@contextmanager
def started(course: Course, change: Change = unchanged, grants: int = 0) -> Iterator[Running]:
    """The gateway on its core.

    Args:
        course: What is laid out.
        change: Of its configuration.
        grants: Of other people, that are in its store.
    """
    port = free_port()
    course.directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        redis = RedisServer("redis-server", free_port())
        redis.start()
        stack.callback(redis.stop)
        file = course.directory / "mcp_gateway.yaml"
        config = _config(course, port, redis.url)
        change(config["adapter_config"])
        file.write_text(yaml.safe_dump(config))
        asyncio.run(_store_grants(file, grants))
        command = [str(Path(sys.executable).parent / "mcp-gateway"), "serve", "--config", str(file)]
        log = course.directory / "gateway.log"
        pid = stack.enter_context(pinned(command, course.core, port, log))
        yield Running(
            f"http://127.0.0.1:{port}",
            with_children(pid),
            lambda kind: {"Authorization": f"Bearer {token(kind)}", "Host": ISSUER.removeprefix("http://")},
            lambda: _used_mb(redis.url),
        )


def _config(course: Course, port: int, redis_url: str) -> dict[str, Any]:
    return {
        "adapter_config": {
            "development_mode": True,
            "host": "127.0.0.1",
            "port": port,
            "management_port": free_port(),
            "public_url": ISSUER,
            "redis_url": redis_url,
            "encryption_keys": generate_key().reveal(),
            "signing_keys": SIGNING_KEY.reveal(),
            "servers": {kind: {"url": f"{course.upstream}/{kind}/mcp", "credentials": "none"} for kind in KINDS},
        }
    }


def _used_mb(redis_url: str) -> float:
    with Redis.from_url(redis_url) as client:
        return int(client.info("memory")["used_memory"]) / 1024**2


async def _store_grants(file: Path, of_others: int) -> None:
    """Those of the run's tokens, and so many more."""
    settings: AdapterSettings = load(GatewaySettings, file, {}).settings.adapter_config
    store = open_store(settings.redis_url)
    try:
        kept = Collections.of(settings, store, SealingKeys(settings.encryption_keys)).grants
        for kind in KINDS:
            await kept.put(grant(kind).grant_id, grant(kind))
        for begin in range(0, of_others, _AT_ONCE):
            await asyncio.gather(*(kept.put(f"other-{begin + each}", grant("json")) for each in range(_AT_ONCE)))
    finally:
        await store.aclose()


CONTESTANTS = [Contestant("this gateway", started)]
