"""Redis as it is run: behind TLS, with Sentinels, as a cluster. Any of its processes can be killed, or made to hang.

    with sentinels(binary, directory) as setup:
        store = open_store(setup.url)
        setup.primary().kill()

Whoever administers is the user `default`, who needs no password here; what is under test comes as `app`, who may do no
more than docs/operations.md says.
"""

import random
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from authproxy_common.secret import Secret
from tests.support.certificates import certificate
from tests.support.servers import answers, wait_until

# As docs/operations.md has them; the keys come in front.
PRIVILEGES = "+@read +@write +@connection +eval -@dangerous +cluster|slots"
PASSWORD = "p@ss/word?"
_IN_URL = "app:p%40ss%2Fword%3F"

SERVICE = "main"
_SLOTS, _SHARDS = 16384, 3
_PORTS = range(16000, 32000)
# Long enough for a machine that is busy with other tests, short enough to wait for.
_DOWN_AFTER_MS = 1500


@dataclass
class RedisNode:
    """A redis-server process.

    Args:
        command: That starts it, but for its port.
        port: Where it listens.
        log: What it says.
        authority: The certificate that it shows, where it speaks TLS.
    """

    command: Sequence[str]
    port: int
    log: Path
    authority: Path | None = None
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process
        return self._process.pid

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        listen = ["--port", "0", "--tls-port", str(self.port)] if self.authority else ["--port", str(self.port)]
        options = [*listen, "--bind", "127.0.0.1", "--logfile", str(self.log)]
        self._process = subprocess.Popen([*self.command, *options])
        wait_until(lambda: answers(self.port), self._failure)

    def kill(self) -> None:
        """End it as a machine that fails does."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Until the context ends it takes connections in and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def ask(self, *command: str | bytes | int) -> Any:
        """Its reply to the administrator."""
        with closing(self._administrator()) as client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]

    def wait_until_replicated(self, replicas: int = 1) -> None:
        """Return once that many replicas have all that was written so far."""
        with closing(self._administrator()) as client:
            # WAIT waits for all that was written before the command that its own connection sent before it.
            client.ping()
            assert client.wait(replicas, 10_000) >= replicas

    def _administrator(self) -> "redis.Redis":
        tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(self.authority)} if self.authority else {}
        common: dict[str, Any] = {"socket_timeout": 15, "decode_responses": True, "protocol": 2}
        return redis.Redis(host="127.0.0.1", port=self.port, single_connection_client=True, **common, **tls)

    def _failure(self) -> str | None:
        ended = self._process is None or self._process.poll() is not None
        return f"redis-server at port {self.port} ended:\n{self.log.read_text()}" if ended else None


@dataclass
class Single:
    """One server, over TLS where it has a certificate."""

    node: RedisNode

    @property
    def url(self) -> Secret:
        if self.node.authority:
            return Secret(f"rediss://{_IN_URL}@{self.node.address}/0?ssl_ca_certs={self.node.authority}")
        return Secret(f"redis://{_IN_URL}@{self.node.address}/0")


@dataclass
class Sentinels:
    """A primary, its replicas, and the Sentinels that make a replica the primary when it is gone."""

    nodes: list[RedisNode]
    sentinels: list[RedisNode]

    @property
    def url(self) -> Secret:
        listed = ",".join(each.address for each in self.sentinels)
        scheme, query = _scheme("sentinel", self.nodes[0])
        return Secret(f"{scheme}://{_IN_URL}@{listed}/{SERVICE}/0{query}")

    def primary(self) -> RedisNode:
        """Whoever the Sentinels call so now."""
        _, port = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(node for node in self.nodes if node.port == int(port))

    def is_complete(self) -> bool:
        """Whether every Sentinel knows all others, and every replica follows."""
        return all(self._sees_everybody(each) for each in self.sentinels) and _replicas(self.primary()) == (
            len(self.nodes) - 1
        )

    def _sees_everybody(self, sentinel: RedisNode) -> bool:
        seen = _pairs(sentinel.ask("SENTINEL", "MASTER", SERVICE))
        return (seen["flags"], seen["num-slaves"], seen["num-other-sentinels"]) == (
            "master",
            str(len(self.nodes) - 1),
            str(len(self.sentinels) - 1),
        )


@dataclass
class Cluster:
    """Primaries that share the slots, each with a replica."""

    nodes: list[RedisNode] = field(default_factory=list)

    @property
    def url(self) -> Secret:
        """Names two nodes; they know the others."""
        scheme, query = _scheme("cluster", self.nodes[0])
        return Secret(f"{scheme}://{_IN_URL}@{self.nodes[0].address},{self.nodes[-1].address}{query}")

    def primary_of(self, key: str, *, by: RedisNode | None = None) -> RedisNode:
        """Whoever owns the key's slot now, as `by` sees it."""
        asked = by or self.nodes[-1]
        slot = asked.ask("CLUSTER", "KEYSLOT", key)
        shards = asked.ask("CLUSTER", "SLOTS")
        port = next(primary[1] for first, last, primary, *_ in shards if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)

    def is_complete(self) -> bool:
        """Whether every node sees a whole cluster in which each primary has its replica."""
        return all(self._sees_everybody(node) for node in self.nodes)

    def _sees_everybody(self, node: RedisNode) -> bool:
        shards = node.ask("CLUSTER", "SLOTS")
        covered = sum(last - first + 1 for first, last, *_ in shards)
        linked = node.ask("INFO", "replication").get("master_link_status", "up") == "up"
        state = "cluster_state:ok" in node.ask("CLUSTER", "INFO")
        return covered == _SLOTS and linked and state and {len(shard) for shard in shards} == {4}


@contextmanager
def single(binary: str, directory: Path, *options: str, keys: str = "~*", is_tls: bool = False) -> Iterator[Single]:
    """One server, whose user `app` may use the keys of `keys`."""
    with ExitStack() as running:
        yield Single(_started(running, binary, directory, keys, options, _tls(directory) if is_tls else None))


@contextmanager
def sentinels(
    binary: str, directory: Path, *, replicas: int = 2, keys: str = "~*", is_tls: bool = False
) -> Iterator[Sentinels]:
    """A primary with `replicas`, and three Sentinels of which two have to agree."""
    tls = _tls(directory) if is_tls else None
    with ExitStack() as running:
        primary = _started(running, binary, directory, keys, (), tls)
        follow = ("--replicaof", f"127.0.0.1 {primary.port}")
        nodes = [primary, *(_started(running, binary, directory, keys, follow, tls) for _ in range(replicas))]
        ports, ids = free_ports(3), [secrets.token_hex(20) for _ in range(3)]
        known = [f"sentinel known-replica {SERVICE} 127.0.0.1 {node.port}" for node in nodes[1:]]
        watching = []
        for port, own_id in zip(ports, ids, strict=True):
            others = [
                f"sentinel known-sentinel {SERVICE} 127.0.0.1 {other_port} {other_id}"
                for other_port, other_id in zip(ports, ids, strict=True)
                if other_id != own_id
            ]
            path = directory / f"sentinel-{port}.conf"
            path.write_text("\n".join([*_sentinel_options(primary.port, own_id), *known, *others]) + "\n")
            command = [binary, str(path), "--sentinel", *_tls_options(tls)]
            sentinel = RedisNode(command, port, directory / f"sentinel-{port}.log", tls and tls[0])
            running.callback(sentinel.kill)
            sentinel.start()
            watching.append(sentinel)
        setup = Sentinels(nodes, watching)
        wait_until(setup.is_complete)
        yield setup


@contextmanager
def cluster(binary: str, directory: Path, *, keys: str = "~*", is_tls: bool = False) -> Iterator[Cluster]:
    """Three primaries, each with a replica."""
    tls = _tls(directory) if is_tls else None
    ports = free_ports(4 * _SHARDS)
    members = [_Member(ports.pop(), ports.pop(), secrets.token_hex(20)) for _ in range(2 * _SHARDS)]
    setup = Cluster()
    with ExitStack() as running:
        for member in members:
            # As they would have written it down after they had met, which takes them ten seconds.
            (directory / f"nodes-{member.port}.conf").write_text("".join(_as_seen(members, by=member)))
            options = ["--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{member.port}.conf"]
            options += ["--cluster-node-timeout", str(_DOWN_AFTER_MS), "--cluster-port", str(member.bus)]
            options += ["--cluster-replica-validity-factor", "0", *(("--tls-cluster", "yes") if tls else ())]
            setup.nodes.append(_started(running, binary, directory, keys, options, tls, member.port))
        wait_until(setup.is_complete)
        yield setup


@contextmanager
def sentinel_of(binary: str, directory: Path, port: int) -> Iterator[Secret]:
    """A Sentinel alone, that calls whatever listens at `port` the primary; its URL."""
    own_port = free_ports(1)[0]
    path = directory / "sentinel.conf"
    path.write_text("\n".join(_sentinel_options(port, secrets.token_hex(20), quorum=1)) + "\n")
    sentinel = RedisNode([binary, str(path), "--sentinel"], own_port, directory / "sentinel.log")
    try:
        sentinel.start()
        yield Secret(f"redis+sentinel://{sentinel.address}/{SERVICE}")
    finally:
        sentinel.kill()


@contextmanager
def cluster_of_one(binary: str, directory: Path) -> Iterator[RedisNode]:
    """A node that owns every slot. With `CONFIG SET cluster-announce-port` it says that it is elsewhere."""
    port, bus = free_ports(2)
    options = ["--cluster-enabled", "yes", "--cluster-port", str(bus)]
    with ExitStack() as running:
        node = _started(running, binary, directory, "~*", options, None, port)
        node.ask("CLUSTER", "ADDSLOTSRANGE", 0, _SLOTS - 1)
        wait_until(lambda: "cluster_state:ok" in node.ask("CLUSTER", "INFO"))
        yield node


@dataclass(frozen=True)
class _Member:
    port: int
    bus: int
    node_id: str


def _as_seen(members: Sequence[_Member], *, by: _Member) -> Iterator[str]:
    """The lines of a cluster's configuration file."""
    for index, member in enumerate(members):
        first, last = index * _SLOTS // _SHARDS, (index + 1) * _SLOTS // _SHARDS - 1
        myself = "myself," if member is by else ""
        role, slots = (f"{myself}master -", f" {first}-{last}") if index < _SHARDS else (f"{myself}slave ", "")
        follows = members[index - _SHARDS].node_id if index >= _SHARDS else ""
        address, epoch = f"127.0.0.1:{member.port}@{member.bus}", index % _SHARDS + 1
        yield f"{member.node_id} {address} {role}{follows} 0 0 {epoch} connected{slots}\n"
    yield f"vars currentEpoch {_SHARDS} lastVoteEpoch 0\n"


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens at, and that no connection is given by the system, so that a killed node keeps its."""
    with ExitStack() as held:
        found: list[int] = []
        for port in random.sample(_PORTS, len(_PORTS)):
            probe = held.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise AssertionError("no port is free")


def _started(
    running: ExitStack,
    binary: str,
    directory: Path,
    keys: str,
    options: Sequence[str],
    tls: tuple[Path, Path] | None,
    port: int | None = None,
) -> RedisNode:
    users = directory / "users.acl"
    if not users.exists():  # a node that has begun to listen may be reading it still
        users.write_text(f"user default on nopass ~* &* +@all\nuser app on >{PASSWORD} {keys} {PRIVILEGES}\n")
    command = [binary, "--dir", str(directory), "--save", "", "--aclfile", str(users)]
    # A replica is sent everything at once, and a cluster shows it as soon as it has got anything.
    command += ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", *_tls_options(tls), *options]
    port = port or free_ports(1)[0]
    node = RedisNode(command, port, directory / f"redis-{port}.log", tls and tls[0])
    running.callback(node.kill)
    node.start()
    return node


def _sentinel_options(port: int, own_id: str, quorum: int = 2) -> list[str]:
    return [
        f"sentinel myid {own_id}",
        f"sentinel monitor {SERVICE} 127.0.0.1 {port} {quorum}",
        f"sentinel down-after-milliseconds {SERVICE} {_DOWN_AFTER_MS}",
        f"sentinel failover-timeout {SERVICE} 10000",
    ]


def _tls(directory: Path) -> tuple[Path, Path]:
    return certificate(directory, "127.0.0.1")


def _tls_options(tls: tuple[Path, Path] | None) -> list[str]:
    if tls is None:
        return []
    certificate_path, key_path = map(str, tls)
    options = ["--tls-cert-file", certificate_path, "--tls-key-file", key_path, "--tls-ca-cert-file", certificate_path]
    return [*options, "--tls-auth-clients", "no", "--tls-replication", "yes"]


def _scheme(topology: str, node: RedisNode) -> tuple[str, str]:
    return (f"rediss+{topology}", f"?ssl_ca_certs={node.authority}") if node.authority else (f"redis+{topology}", "")


def _replicas(primary: RedisNode) -> int:
    said = primary.ask("INFO", "replication").values()
    return sum(isinstance(each, dict) and each.get("state") == "online" for each in said)


def _pairs(flat: Any) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True)) if isinstance(flat, list) else dict(flat)
