"""The Redis of our own, on its own configuration and with the users that deploy/README.md makes."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis.asyncio as redis
from redis.exceptions import NoPermissionError

from authproxy_common.errors import TemporarilyUnavailable, TooManyRequests
from authproxy_common.records import open_store
from authproxy_common.records.rate_limits import open_rate_counters
from authproxy_common.secret import Secret
from scripts.manifests import KUBERNETES
from tests.deploy.installing import make_secrets
from tests.deploy.lint.overlay import SERVICES
from tests.support.servers import answers, free_port, running

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("DP-02", "DP-05")]

TTL = timedelta(minutes=1)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_secrets(tmp_path_factory.mktemp("installing"))


@pytest.fixture(scope="module")
def port(redis_server_binary: str, secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where it listens; its paths and its address alone are not those of the manifests."""
    chosen, volume = free_port(), tmp_path_factory.mktemp("volume")
    text = (KUBERNETES / "components/redis/redis.conf").read_text(encoding="utf-8")
    changed = {
        "port 6379": f"port {chosen}",
        "bind * -::*": "bind 127.0.0.1",
        "dir /data": f"dir {volume}",
        "/run/secrets/redis/": f"{secrets}/redis-acl/",
    }
    for there, here in changed.items():
        assert text.count(there) == 1
        text = text.replace(there, here)
    (volume / "redis.conf").write_text(text, encoding="utf-8")
    with running([redis_server_binary, str(volume / "redis.conf")], {}, partial(answers, chosen), "redis"):
        yield chosen


def url(secrets: Path, port: int, service: str) -> Secret:
    """The service's redis_url, at that port."""
    written = (secrets / service / "redis_url").read_text(encoding="utf-8").strip()
    host = urlsplit(written).netloc.rpartition("@")[2]
    assert host == "redis:6379"
    return Secret(written.replace(host, f"127.0.0.1:{port}"))


async def said(at: str, command: str) -> Any:
    """What Redis answers."""
    async with redis.Redis.from_url(at) as client:
        return await client.execute_command(*command.split())  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_may_do_what_it_does(secrets: Path, port: int, service: str) -> None:
    store = open_store(url(secrets, port, service))
    await store.ping()
    await store.put(f"{service}:kind:a", b"one", TTL)
    assert await store.get(f"{service}:kind:a") == b"one"
    assert await store.take(f"{service}:kind:a") == b"one"
    assert await store.claim(f"{service}:kind:b", b"mine", TTL) is None
    assert await store.claim(f"{service}:kind:b", b"theirs", TTL) == b"mine"
    await store.aclose()
    counters = open_rate_counters(url(secrets, port, service), service)
    limit = counters.limit("login", "1/minute")
    assert limit is not None
    await limit.spend("somebody")
    with pytest.raises(TooManyRequests):
        await limit.spend("somebody")
    await counters.aclose()


@pytest.mark.parametrize(("service", "other"), [SERVICES, SERVICES[::-1]])
async def test_a_service_may_not_touch_what_is_the_other_ones(
    secrets: Path, port: int, service: str, other: str
) -> None:
    store = open_store(url(secrets, port, service))
    with pytest.raises(TemporarilyUnavailable):
        await store.get(f"{other}:kind:a")
    await store.aclose()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("command", ["FLUSHALL", "KEYS *", "CONFIG GET *", "SHUTDOWN NOSAVE", "MONITOR", "ACL LIST"])
async def test_a_service_may_do_nothing_to_the_server(secrets: Path, port: int, service: str, command: str) -> None:
    with pytest.raises(NoPermissionError):
        await said(url(secrets, port, service).reveal(), command)


async def test_whoever_has_no_password_may_ping(port: int) -> None:
    stranger = f"redis://127.0.0.1:{port}/0"
    assert await said(stranger, "PING")
    for command in ("GET auth-server:kind:a", "DBSIZE", "INFO"):
        with pytest.raises(NoPermissionError):
            await said(stranger, command)
