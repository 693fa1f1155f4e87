"""What the doctor finds about Redis: real servers, each with something wrong."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from authproxy_common.doctor import Finding, Outcome, examine
from authproxy_common.doctor.store import StoreExamination
from authproxy_common.secret import Secret
from tests.common.test_store_tls import redis_with_tls
from tests.support.certificates import certificate
from tests.support.diagnosis import PATIENCE, closed, saying, silent
from tests.support.redis_topologies import Cluster, Sentinels
from tests.support.servers import RedisServer, answers, free_port, wait_until
from tests.support.stored import client_of

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-10", "ST-05", "OP-02")]

PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
REACHED = Finding("redis", PASSED, "answers")
PASSWORD = "hunter2"


async def found(url: str) -> list[Finding]:
    store = StoreExamination.of("sample", Secret(url))
    try:
        with anyio.fail_after(20):
            lines = await examine(store.checks(), 2 * PATIENCE)
    finally:
        await store.aclose()
    assert PASSWORD not in str(lines)
    return lines


def out_of_reach(cause: str, remedy: str) -> list[Finding]:
    reason = "not examined, because redis did not pass"
    return [
        Finding("redis", FAILED, cause, remedy),
        Finding("redis records", SKIPPED, reason),
        Finding("redis rate limits", SKIPPED, reason),
    ]


def unreachable(cause: str) -> list[Finding]:
    remedy = "redis_url must name a Redis that listens to this machine"
    return out_of_reach(f"cannot be reached: {cause}", remedy)


@contextmanager
def redis_with(binary: str, *options: str) -> Iterator[int]:
    """A redis-server with these options; yields its port."""
    port = free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def test_a_redis_as_it_should_be_passes_and_everything_that_was_written_has_an_end(
    redis_server: RedisServer,
) -> None:
    store = StoreExamination.of("sample", Secret(redis_server.url))
    assert await examine(store.checks(), PATIENCE) == [
        REACHED,
        Finding("redis records", PASSED, "writes with a lifetime, and hands out once"),
        Finding("redis rate limits", PASSED, "counts"),
    ]
    left = [key async for key in client_of(store.store).scan_iter("sample:*")]
    assert left
    assert min([await client_of(store.store).ttl(key) for key in left]) > 0
    await store.aclose()


async def test_an_embedded_store_cannot_be_looked_into() -> None:
    assert await found("memory://") == [
        Finding(
            "redis",
            SKIPPED,
            "memory:// lives in the process that serves, where nobody else can look",
            "name a Redis in redis_url for more than one replica, and to survive restarts",
        )
    ]


async def test_a_redis_that_is_down() -> None:
    assert await found(closed().replace("http:", "redis:")) == unreachable("nothing listens there")


async def test_a_redis_that_says_nothing() -> None:
    with silent() as origin:
        assert await found(origin.replace("http:", "redis:")) == unreachable("no answer in time")


async def test_a_redis_whose_name_nobody_has() -> None:
    url = f"redis://:{PASSWORD}@nowhere.invalid:6379/0"
    assert await found(url) == unreachable("its name cannot be resolved")


async def test_a_redis_whose_certificate_is_not_believed(redis_server_binary: str, tmp_path: Path) -> None:
    with redis_with_tls(redis_server_binary, *certificate(tmp_path, "127.0.0.1")) as port:
        expected = unreachable("its certificate is not believed (self-signed certificate)")
        assert await found(f"rediss://:{PASSWORD}@127.0.0.1:{port}/0") == expected


@pytest.mark.parametrize("user", ["", f":{PASSWORD}@", f"nobody:{PASSWORD}@"])
async def test_a_redis_that_does_not_let_us_in(redis_server_binary: str, user: str) -> None:
    with redis_with(redis_server_binary, "--requirepass", "another") as port:
        assert await found(f"redis://{user}127.0.0.1:{port}/0") == out_of_reach(
            "refuses our user or password", "redis_url needs those that it knows"
        )


async def test_a_replica_takes_no_writes(redis_server_binary: str, redis_server: RedisServer) -> None:
    with redis_with(redis_server_binary, "--replicaof", f"127.0.0.1 {redis_server.port}") as port:
        failure = ("is a replica, which takes no writes", "redis_url must name the primary")
        assert await found(f"redis://127.0.0.1:{port}/0") == [
            REACHED,
            Finding("redis records", FAILED, *failure),
            Finding("redis rate limits", FAILED, *failure),
        ]


async def test_a_redis_that_is_full(redis_server_binary: str) -> None:
    with redis_with(redis_server_binary, "--maxmemory", "1kb") as port:
        failure = ("has no memory left", "raise maxmemory, or find what fills it")
        assert await found(f"redis://127.0.0.1:{port}/0") == [
            REACHED,
            Finding("redis records", FAILED, *failure),
            Finding("redis rate limits", FAILED, *failure),
        ]


ACL_REMEDY = (
    "allow +@read +@write +@connection +eval -@dangerous on this service's keys, and in a cluster +cluster|slots"
)


@pytest.mark.parametrize(
    ("rule", "records", "limits"),
    [
        pytest.param("-eval", None, "the command EVAL", id="no scripts"),
        pytest.param("-getdel", "the command GETDEL", None, id="no taking"),
        pytest.param("-mget", "the command MGET", None, id="no reading of several"),
        pytest.param("resetkeys ~other:*", "what we need", "what we need", id="no keys"),
    ],
)
async def test_a_user_who_may_not_do_everything(
    redis_server_binary: str, rule: str, records: str | None, limits: str | None
) -> None:
    with redis_with(redis_server_binary, f"--user limited on >{PASSWORD} ~* +@all {rule}") as port:
        lines = await found(f"redis://limited:{PASSWORD}@127.0.0.1:{port}/0")

    assert lines == [
        REACHED,
        Finding("redis records", FAILED, f"our user may not run {records}", ACL_REMEDY)
        if records
        else Finding("redis records", PASSED, "writes with a lifetime, and hands out once"),
        Finding("redis rate limits", FAILED, f"our user may not run {limits}", ACL_REMEDY)
        if limits
        else Finding("redis rate limits", PASSED, "counts"),
    ]


async def test_a_user_who_may_do_what_the_remedy_says_may_do_enough(redis_server_binary: str) -> None:
    allowed = ACL_REMEDY.removeprefix("allow ").partition(" on ")[0]
    user = f"--user limited on >{PASSWORD} ~sample:* {allowed}"
    with redis_with(redis_server_binary, user) as port:
        lines = await found(f"redis://limited:{PASSWORD}@127.0.0.1:{port}/0")
    assert [line.outcome for line in lines] == [PASSED, PASSED, PASSED]


@pytest.mark.parametrize("topology", ["redis_behind_tls", "redis_sentinels", "redis_cluster"])
async def test_a_redis_is_examined_however_it_is_run(request: pytest.FixtureRequest, topology: str) -> None:
    url: Secret = request.getfixturevalue(topology).url
    store = StoreExamination.of("test", url)
    lines = await examine(store.checks(), PATIENCE)
    await store.aclose()
    assert [(line.name, line.outcome) for line in lines] == [
        ("redis", PASSED),
        ("redis records", PASSED),
        ("redis rate limits", PASSED),
    ]


async def test_a_primary_by_a_name_that_the_sentinels_do_not_use(redis_sentinels: Sentinels) -> None:
    assert await found(redis_sentinels.url.reveal().replace("/main/", "/another/")) == out_of_reach(
        "is led by no primary that the Sentinels would know by this name",
        "the path of redis_url must be what the Sentinels call it, and one of them must be reached from here",
    )


async def test_a_node_of_a_cluster_that_is_taken_for_a_single_server(redis_cluster: Cluster) -> None:
    urls = [f"redis://{node.address}/0" for node in redis_cluster.nodes[:3]]
    findings = [line for url in urls for line in (await found(url))[1:] if line.outcome == FAILED]
    failure = ("is a node of a cluster", "redis_url must begin with redis+cluster:// or rediss+cluster://")
    # The key of the count, at least, is not two of the nodes' own.
    assert len(findings) >= 2
    assert {(line.reason, line.remedy) for line in findings} == {failure}


async def test_a_single_server_that_is_taken_for_a_cluster(redis_server: RedisServer) -> None:
    assert await found(redis_server.url.replace("redis:", "redis+cluster:")) == out_of_reach(
        "does not know what we need", "Redis 7.0 or newer is needed, of the kind that redis_url says"
    )


async def test_a_server_that_is_taken_for_a_sentinel(redis_server: RedisServer) -> None:
    assert await found(f"redis+sentinel://127.0.0.1:{redis_server.port}/main") == out_of_reach(
        "does not know the command SENTINEL", "Redis 7.0 or newer is needed, of the kind that redis_url says"
    )


async def test_a_store_that_forgets_at_once() -> None:
    async with saying(b"+PONG\r\n") as port:
        lines = await found(f"redis://127.0.0.1:{port}/0?protocol=2")
    assert lines[1] == Finding(
        "redis records",
        FAILED,
        "does not hand out what was written a moment ago",
        "redis_url must name the primary of a Redis that evicts nothing (maxmemory-policy noeviction)",
    )


async def test_a_server_too_old_to_know_a_command_repeats_our_password_and_we_do_not() -> None:
    said = f"-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' '{PASSWORD}' \r\n"
    async with saying(said.encode()) as port:
        lines = await found(f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
    assert lines == out_of_reach(
        "does not know the command HELLO", "Redis 7.0 or newer is needed, of the kind that redis_url says"
    )
