"""Where the store is, by its URL alone: taken apart strictly, and never repeated, because it can hold a password."""

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote

from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret
from authproxy_common.uri import MalformedURI, check_legal


class Topology(Enum):
    """How the servers stand to each other, by the URL's scheme."""

    EMBEDDED = "memory"
    SINGLE = "redis"
    SENTINEL = "redis+sentinel"
    CLUSTER = "redis+cluster"


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


class MalformedStoreURL(ValueError):
    """A URL that names no store. The message says why, without repeating anything of it."""


@frozen
class StoreURL:
    """A store's URL, in parts.

    Args:
        topology: See there.
        is_tls: Whether servers and Sentinels are spoken to over TLS.
        addresses: One server; all Sentinels; or some nodes of a cluster, which name the others.
        username, password: At the servers.
        database: Its number.
        service: What the Sentinels call the servers.
        options: The query's parameters.
    """

    topology: Topology
    is_tls: bool = False
    addresses: tuple[Address, ...] = ()
    username: str | None = None
    password: Secret = field(default_factory=lambda: Secret(""))
    database: int = 0
    service: str = ""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def tls_context(self) -> ssl.SSLContext:
        """Believes the authorities of `ssl_ca_certs`, or else the system's; raises OSError (SSLError is one)."""
        context = ssl.create_default_context(cafile=self.options.get("ssl_ca_certs"))
        if certificate := self.options.get("ssl_certfile"):
            # A key that wants a password must not have us ask for it at a terminal.
            context.load_cert_chain(certificate, self.options.get("ssl_keyfile"), password="")
        return context


_SCHEMES: Mapping[str, tuple[Topology, bool]] = {
    "redis": (Topology.SINGLE, False),
    "rediss": (Topology.SINGLE, True),
    "redis+sentinel": (Topology.SENTINEL, False),
    "rediss+sentinel": (Topology.SENTINEL, True),
    "redis+cluster": (Topology.CLUSTER, False),
    "rediss+cluster": (Topology.CLUSTER, True),
    "memory": (Topology.EMBEDDED, False),
}
_DEFAULT_PORTS = {Topology.SINGLE: 6379, Topology.SENTINEL: 26379, Topology.CLUSTER: 6379}
_TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")
_PROTOCOLS = {"2", "3"}

_HOST = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_PATHS = {
    Topology.SINGLE: re.compile(r"/?(?P<database>[0-9]{0,5})"),
    Topology.SENTINEL: re.compile(r"/(?P<service>[A-Za-z0-9._-]+)(/(?P<database>[0-9]{0,5}))?"),
    Topology.CLUSTER: re.compile(r"/?(?P<database>0?)"),
}
_PATHS_IN_WORDS = {
    Topology.SINGLE: "its path is not the number of a database",
    Topology.SENTINEL: "its path must be /SERVICE or /SERVICE/DATABASE, with the name that the Sentinels use",
    Topology.CLUSTER: "its path must be empty, since a cluster has one database",
}


def parse_store_url(url: Secret) -> StoreURL:
    """Take `url` apart; raises MalformedStoreURL."""
    scheme, separator, rest = url.reveal().partition("://")
    if not separator or scheme not in _SCHEMES:
        raise MalformedStoreURL(f"must begin with one of {', '.join(f'{name}://' for name in _SCHEMES)}")
    topology, is_tls = _SCHEMES[scheme]
    try:
        check_legal(url.reveal())
    except MalformedURI as error:
        raise _malformed(str(error)) from error
    if topology is Topology.EMBEDDED:
        if rest:
            raise _malformed("memory:// stands alone")
        return StoreURL(topology)
    location, _, query = rest.partition("?")
    authority, slash, path = location.partition("/")
    username, password, hosts = _credentials(authority)
    found = _PATHS[topology].fullmatch(slash + path)
    if not found:
        raise _malformed(_PATHS_IN_WORDS[topology])
    known = [
        "protocol",
        *(_TLS_OPTIONS if is_tls else ()),
        *(_SENTINEL_OPTIONS if topology is Topology.SENTINEL else ()),
    ]
    return StoreURL(
        topology,
        is_tls,
        tuple(_addresses(hosts, topology)),
        username,
        password,
        int(found["database"] or 0),
        found.groupdict().get("service") or "",
        dict(_options(query, known)),
    )


def store_url_problem(url: Secret) -> str | None:
    """What is wrong with a URL that an operator wrote down, or with the files that it names, or None."""
    try:
        parsed = parse_store_url(url)
    except MalformedStoreURL as error:
        return str(error)
    try:
        if parsed.is_tls:
            parsed.tls_context()
    except OSError as error:
        reason = error.strerror if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError) else None
        return f"names certificates that cannot be used: {reason or 'they are not what they have to be, in PEM'}"
    return None


def _credentials(authority: str) -> tuple[str | None, Secret, str]:
    """User, password, and the hosts behind them."""
    user_information, at, hosts = authority.rpartition("@")
    username, colon, password = user_information.partition(":")
    if "@" in user_information or ":" in password:
        raise _malformed("it has more than one user")
    if at and not (colon and password):
        raise _malformed("it has a user without a password; a password alone stands behind a colon")
    return unquote(username) or None, Secret(unquote(password)), hosts


def _addresses(hosts: str, topology: Topology) -> Iterator[Address]:
    named = hosts.split(",")
    if topology is Topology.SINGLE and len(named) > 1:
        raise _malformed("it has several hosts, which are for redis+sentinel:// and redis+cluster://")
    for each in named:
        found = _HOST.fullmatch(each)
        port = int(found["port"] or _DEFAULT_PORTS[topology]) if found else 0
        if not found or not 0 < port < 65536:
            raise _malformed("a host is missing, or a port is no number between 1 and 65535")
        yield Address(found["host"].strip("[]"), port)


def _options(query: str, known: Sequence[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if name not in known:
            # Its name is not repeated: it may be the end of a password that has a question mark.
            raise _malformed(f"it has a parameter that is none of {', '.join(known)}")
        if name in seen or not value:
            raise _malformed(f"its parameter {name} is repeated or empty")
        if name == "protocol" and value not in _PROTOCOLS:
            raise _malformed("its parameter protocol is neither 2 nor 3")
        seen.add(name)
        yield name, unquote(value)


def _malformed(why: str) -> MalformedStoreURL:
    return MalformedStoreURL(f"is no URL of a store: {why}; in a password, / ? # @ : % are %2F %3F %23 %40 %3A %25")
