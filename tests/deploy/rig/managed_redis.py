"""Redis as others run it for us: processes outside of the cluster, in the network that an overlay names for them."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Protocol

import redis
from redis.exceptions import RedisError

from tests.deploy.rig.cluster import Cluster
from tests.deploy.rig.images import valkey
from tests.deploy.rig.network import within
from tests.deploy.rig.pods import Pod
from tests.deploy.rig.sandbox import Image
from tests.deploy.rig.templates import template_of
from tests.support.redis_topologies import PRIVILEGES

# REDIS_NETWORK of the production overlay, and the two ports that its policy lets services reach there.
NETWORK = IPv4Network("10.20.30.0/24")
PORT, SENTINEL_PORT = 6379, 6380
# What an operator would choose: less would take a slow moment for a failure.
DOWN_AFTER_MS = 2000

_PASSWORD = "a-password-of-this-test"
_SERVICE = "authproxy"
_SLOTS, _SHARDS = 16384, 3


class ManagedRedis(Protocol):
    """Redis servers, and a URL that names them."""

    @property
    def url(self) -> str:
        """For the Secrets."""
        ...

    def start(self, cluster: Cluster, files: Path) -> None:
        """Start them, and return once they are complete."""
        ...


@dataclass
class Server:
    """A redis-server at an address of its own, which stays down when it is killed."""

    address: IPv4Address
    port: int
    pod: Pod

    def ask(self, *command: str | int) -> Any:
        """Its reply to the administrator."""

        def reply() -> Any:
            client = redis.Redis(
                host=str(self.address), port=self.port, socket_timeout=2, protocol=2, decode_responses=True
            )
            with closing(client):
                return client.execute_command(*command)  # type: ignore[no-untyped-call]

        return within(self.pod.sandbox.namespace, reply)


@dataclass
class Starter:
    """Starts servers, each from files of its own that it may rewrite."""

    cluster: Cluster
    files: Path

    def server(self, name: str, address: IPv4Address, port: int, *options: str, **further: str) -> Server:
        """One that listens at `address`; `options` are of its command line, `further` the contents of other files."""
        directory = self.files / name
        directory.mkdir()
        given = {"redis.conf": "\n".join([f"port {port}", *_COMMON]), "users.acl": _USERS, **further}
        for file_name, content in given.items():
            (directory / file_name).write_text(content + "\n")
        image = valkey()
        files = {f"/etc/given/{file_name}": directory / file_name for file_name in given}
        self.cluster.images[name] = Image((), (), image.variables, {**image.files, **files})
        command = ["sh", "-c", f"cp /etc/given/* /tmp && cd /tmp && exec valkey-server redis.conf {' '.join(options)}"]
        template = template_of(name, command, probe={"tcpSocket": {"port": port}}, restarts=False)
        return Server(address, port, self.cluster.create_outside(name, template, address))


@dataclass
class Sentinels:
    """A primary with two replicas, and three Sentinels of which two have to agree that it is gone."""

    servers: list[Server] = field(default_factory=list)
    sentinels: list[Server] = field(default_factory=list)
    _addresses: Sequence[IPv4Address] = tuple(NETWORK[number] for number in (11, 12, 13))
    _watching: Sequence[IPv4Address] = tuple(NETWORK[number] for number in (21, 22, 23))

    @property
    def url(self) -> str:
        hosts = ",".join(f"{each}:{SENTINEL_PORT}" for each in self._watching)
        return f"redis+sentinel://app:{_PASSWORD}@{hosts}/{_SERVICE}/0"

    def start(self, cluster: Cluster, files: Path) -> None:
        starter, (primary, *replicas) = Starter(cluster, files), self._addresses
        self.servers.append(starter.server("redis-1", primary, PORT))
        for number, address in enumerate(replicas, 2):
            self.servers.append(starter.server(f"redis-{number}", address, PORT, f"--replicaof {primary} {PORT}"))
        known = {address: secrets.token_hex(20) for address in self._watching}
        for number, address in enumerate(self._watching, 1):
            conf = "\n".join([f"port {SENTINEL_PORT}", "protected-mode no", *self._watch(known, address)])
            name, options = f"sentinel-{number}", ("--sentinel",)
            self.sentinels.append(starter.server(name, address, SENTINEL_PORT, *options, **{"redis.conf": conf}))
        cluster.wait_until(lambda: answers(self._is_complete), "the Sentinels know everybody")

    def primary(self) -> Server:
        """Whoever the Sentinels call so, and calls itself so; raises LookupError while nobody does."""
        for sentinel in self.sentinels:
            address, _ = sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", _SERVICE)
            named = next(each for each in self.servers if str(each.address) == address)
            if not named.pod.has_ended and named.ask("ROLE")[0] == "master":
                return named
        raise LookupError("there is no primary")

    def _watch(self, known: dict[IPv4Address, str], own: IPv4Address) -> Iterator[str]:
        """Lines of a Sentinel's configuration: as it would have found out by itself, which takes it ten seconds."""
        yield f"sentinel myid {known[own]}"
        yield f"sentinel monitor {_SERVICE} {self._addresses[0]} {PORT} 2"
        yield f"sentinel down-after-milliseconds {_SERVICE} {DOWN_AFTER_MS}"
        yield f"sentinel failover-timeout {_SERVICE} 10000"
        yield from (f"sentinel known-replica {_SERVICE} {address} {PORT}" for address in self._addresses[1:])
        for address, identity in known.items():
            if address != own:
                yield f"sentinel known-sentinel {_SERVICE} {address} {SENTINEL_PORT} {identity}"

    def _is_complete(self) -> bool:
        said = [
            dict(zip(*[iter(each.ask("SENTINEL", "MASTER", _SERVICE))] * 2, strict=True)) for each in self.sentinels
        ]
        seen = {(each["flags"], each["num-slaves"], each["num-other-sentinels"]) for each in said}
        return seen == {("master", "2", "2")} and len(self.servers[0].ask("ROLE")[2]) == 2


@dataclass
class RedisCluster:
    """Three primaries that share the slots, each with a replica."""

    servers: list[Server] = field(default_factory=list)
    _addresses: Sequence[IPv4Address] = tuple(NETWORK[number] for number in range(11, 11 + 2 * _SHARDS))

    @property
    def url(self) -> str:
        named = ",".join(f"{address}:{PORT}" for address in (self._addresses[0], self._addresses[-1]))
        return f"redis+cluster://app:{_PASSWORD}@{named}"

    def start(self, cluster: Cluster, files: Path) -> None:
        starter, known = Starter(cluster, files), {each: secrets.token_hex(20) for each in self._addresses}
        options = ["--cluster-enabled yes", f"--cluster-node-timeout {DOWN_AFTER_MS}"]
        options += ["--cluster-config-file nodes.conf", "--cluster-replica-validity-factor 0"]
        for number, address in enumerate(self._addresses, 1):
            nodes = {"nodes.conf": "".join(self._seen_by(address, known))}
            self.servers.append(starter.server(f"redis-{number}", address, PORT, *options, **nodes))
        cluster.wait_until(lambda: answers(self._is_complete), "the cluster is complete")

    def primary(self, slot: int = 0) -> Server:
        """Whoever keeps the slot, as the others see it; raises LookupError while nobody does."""
        asked = next(each for each in reversed(self.servers) if not each.pod.has_ended)
        address = next(main[0] for first, last, main, *_ in asked.ask("CLUSTER", "SLOTS") if first <= slot <= last)
        named = next(each for each in self.servers if str(each.address) == address)
        if named.pod.has_ended or "cluster_state:ok" not in asked.ask("CLUSTER", "INFO"):
            raise LookupError("nobody keeps it")
        return named

    def _seen_by(self, own: IPv4Address, known: dict[IPv4Address, str]) -> Iterator[str]:
        """The lines of a node's configuration: as they would be after all had met, which takes them ten seconds."""
        for index, (address, identity) in enumerate(known.items()):
            first, last = index * _SLOTS // _SHARDS, (index + 1) * _SLOTS // _SHARDS - 1
            role = f"master - 0 0 {index + 1} connected {first}-{last}"
            if index >= _SHARDS:
                role = f"slave {known[self._addresses[index - _SHARDS]]} 0 0 {index - _SHARDS + 1} connected"
            yield f"{identity} {address}:{PORT}@{PORT + 10000} {'myself,' if address == own else ''}{role}\n"
        yield f"vars currentEpoch {_SHARDS} lastVoteEpoch 0"

    def _is_complete(self) -> bool:
        return all(self._sees_everybody(each) for each in self.servers)

    @staticmethod
    def _sees_everybody(server: Server) -> bool:
        shards = server.ask("CLUSTER", "SLOTS")
        linked = server.ask("INFO", "replication").get("master_link_status", "up") == "up"
        return (
            linked and "cluster_state:ok" in server.ask("CLUSTER", "INFO") and [len(each) for each in shards] == [4] * 3
        )


def answers(question: Callable[[], bool]) -> bool:
    """Whether it is so, and not while a server cannot say, or is just about to be gone."""
    try:
        return question()
    except (RedisError, LookupError, OSError):
        return False


_USERS = f"""user default on nopass ~* &* +@all
user app on >{_PASSWORD} ~* {PRIVILEGES}"""
# A replica is sent everything at once, and a cluster shows it as soon as it was sent anything.
_REPLICATION = ("repl-diskless-sync-delay 0", "repl-ping-replica-period 1")
_COMMON = ('save ""', "aclfile users.acl", "protected-mode no", "bind *", *_REPLICATION)
