"""The URL of a store: what its parts are, and what is said, without it, when it cannot be one."""

from pathlib import Path

import pytest

from authproxy_common.records.store_url import (
    Address,
    MalformedStoreURL,
    StoreURL,
    Topology,
    parse_store_url,
    store_url_problem,
)
from authproxy_common.secret import Secret
from tests.support.certificates import certificate

pytestmark = pytest.mark.requirement("CF-02")

PASSWORD = Secret("hunter2")
ONE, TWO = Address("one.test", 6379), Address("two.test", 7000)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        pytest.param("memory://", StoreURL(Topology.EMBEDDED), id="embedded"),
        pytest.param("redis://one.test", StoreURL(Topology.SINGLE, addresses=(ONE,)), id="host alone"),
        pytest.param(
            "redis://two.test:7000/3", StoreURL(Topology.SINGLE, addresses=(TWO,), database=3), id="port and database"
        ),
        pytest.param(
            "redis://:hunter2@one.test:6379/",
            StoreURL(Topology.SINGLE, addresses=(ONE,), password=PASSWORD),
            id="password",
        ),
        pytest.param(
            "rediss://app:hunter2@one.test/0",
            StoreURL(Topology.SINGLE, is_tls=True, addresses=(ONE,), username="app", password=PASSWORD),
            id="user over TLS",
        ),
        pytest.param(
            "redis://app:p%40ss%2Fw%3Fo%23r%3Ad%25@[2001:db8::1]:7000",
            StoreURL(
                Topology.SINGLE,
                addresses=(Address("2001:db8::1", 7000),),
                username="app",
                password=Secret("p@ss/w?o#r:d%"),
            ),
            id="password with everything in it, IPv6",
        ),
        pytest.param(
            "rediss://one.test?ssl_ca_certs=/run/secrets/ca%20of%20ours.pem&protocol=2",
            StoreURL(
                Topology.SINGLE,
                is_tls=True,
                addresses=(ONE,),
                options={"ssl_ca_certs": "/run/secrets/ca of ours.pem", "protocol": "2"},
            ),
            id="options",
        ),
        pytest.param(
            "redis+sentinel://app:hunter2@one.test,two.test:7000/main/2?sentinel_password=theirs",
            StoreURL(
                Topology.SENTINEL,
                addresses=(Address("one.test", 26379), TWO),
                username="app",
                password=PASSWORD,
                database=2,
                service="main",
                options={"sentinel_password": "theirs"},
            ),
            id="Sentinels",
        ),
        pytest.param(
            "rediss+sentinel://one.test/main",
            StoreURL(Topology.SENTINEL, is_tls=True, addresses=(Address("one.test", 26379),), service="main"),
            id="a Sentinel over TLS",
        ),
        pytest.param(
            "redis+cluster://one.test,two.test:7000/0", StoreURL(Topology.CLUSTER, addresses=(ONE, TWO)), id="cluster"
        ),
        pytest.param(
            "rediss+cluster://one.test",
            StoreURL(Topology.CLUSTER, is_tls=True, addresses=(ONE,)),
            id="cluster over TLS",
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, parts: StoreURL) -> None:
    assert parse_store_url(Secret(url)) == parts
    assert "hunter2" not in repr(parts)
    assert "theirs" not in repr(parts)


@pytest.mark.requirement("OP-02")
@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("hunter2", "must begin with one of redis://", id="no URL"),
        pytest.param("postgres://:hunter2@db.test", "must begin with one of", id="another scheme"),
        pytest.param("REDIS://:hunter2@one.test", "must begin with one of", id="a scheme in capitals"),
        pytest.param("unix:///hunter2.sock", "must begin with one of", id="a socket"),
        pytest.param("memory://hunter2", "stands alone", id="something behind memory://"),
        pytest.param("redis://", "a host is missing", id="nothing at all"),
        pytest.param("redis://:hunter2@:6379", "a host is missing", id="no host"),
        pytest.param("redis://:hunter2@one.test:port/0", "a port is no number", id="a port in words"),
        pytest.param("redis://:hunter2@one.test:0", "a port is no number", id="port zero"),
        pytest.param("redis://:hunter2@one.test:70000", "a port is no number", id="a port too high"),
        pytest.param("redis://:hunter2@one.test/zero", "not the number of a database", id="a database in words"),
        pytest.param("redis://:hun/ter2@one.test", "%2F", id="a slash in the password"),
        pytest.param("redis://:hunter2?@one.test", "%3F", id="a question mark in the password"),
        pytest.param("redis://:hunter2#x@one.test", "%23", id="a hash in the password"),
        pytest.param("redis://:hunter2@x@one.test", "%40", id="an at sign in the password"),
        pytest.param("redis://:hunter2:x@one.test", "%3A", id="a colon in the password"),
        pytest.param("redis://:hunter2%x@one.test", "%25", id="a percent sign in the password"),
        pytest.param("redis://:hunter2 x@one.test", "may not stand in a URI", id="a space in the password"),
        pytest.param("redis://hunter2@one.test", "a password alone stands behind a colon", id="a password as user"),
        pytest.param("redis://app:@one.test", "without a password", id="a user without a password"),
        pytest.param("redis://@one.test", "without a password", id="an at sign alone"),
        pytest.param("redis://:hunter2@one.test,two.test", "which are for redis+sentinel://", id="several hosts"),
        pytest.param("redis+sentinel://:hunter2@one.test", "its path must be /SERVICE", id="no service"),
        pytest.param("redis+sentinel://:hunter2@one.test/a/b", "its path must be /SERVICE", id="two services"),
        pytest.param("redis+sentinel://:hunter2@one.test,/main", "a host is missing", id="a comma too many"),
        pytest.param("redis+cluster://:hunter2@one.test/1", "a cluster has one database", id="another database"),
        pytest.param("redis://:hunter2@one.test?db=1", "none of protocol", id="an unknown option"),
        pytest.param("redis://one.test?hunter2=1", "none of protocol", id="a secret in place of an option"),
        pytest.param("redis://one.test?ssl_ca_certs=/x", "none of protocol", id="a CA without TLS"),
        pytest.param("rediss://one.test?ssl_cert_reqs=none", "ssl_ca_certs", id="certificates not checked"),
        pytest.param("rediss://one.test?ssl_check_hostname=false", "ssl_ca_certs", id="names not checked"),
        pytest.param(
            "rediss://one.test?sentinel_password=hunter2", "ssl_ca_certs", id="Sentinels' where there are none"
        ),
        pytest.param("redis://one.test?protocol=2&protocol=3", "is repeated or empty", id="an option twice"),
        pytest.param("redis://one.test?protocol=", "is repeated or empty", id="an option without a value"),
        pytest.param("redis://one.test?protocol=4", "neither 2 nor 3", id="an unknown protocol"),
    ],
)
def test_what_is_no_url_of_a_store_is_explained_and_not_repeated(url: str, says: str) -> None:
    with pytest.raises(MalformedStoreURL) as caught:
        parse_store_url(Secret(url))
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert store_url_problem(Secret(url)) == str(caught.value)


def test_certificates_that_can_be_used_are_no_problem(tmp_path: Path) -> None:
    authority, key = certificate(tmp_path, "one.test")
    both = f"ssl_ca_certs={authority}&ssl_certfile={authority}&ssl_keyfile={key}"
    assert store_url_problem(Secret(f"rediss://one.test?{both}")) is None
    assert store_url_problem(Secret("rediss+cluster://one.test")) is None


@pytest.mark.parametrize(
    ("query", "says"),
    [
        pytest.param("ssl_ca_certs={}/absent", "No such file", id="absent"),
        pytest.param("ssl_ca_certs={}/server.key", "not what they have to be", id="no certificate"),
        pytest.param("ssl_certfile={}/server.crt&ssl_keyfile={}/other.key", "not what they", id="another key"),
        pytest.param(
            "ssl_certfile={}/server.crt&ssl_keyfile={}/locked.key", "not what they", id="a key with a password"
        ),
    ],
)
def test_certificates_that_cannot_be_used_are_a_problem_at_start(tmp_path: Path, query: str, says: str) -> None:
    (tmp_path / "other").mkdir()
    _, other = certificate(tmp_path / "other", "one.test")
    certificate(tmp_path, "one.test")
    other.rename(tmp_path / "other.key")
    (tmp_path / "locked.key").write_bytes(LOCKED_KEY)

    problem = store_url_problem(Secret("rediss://:hunter2@one.test?" + query.replace("{}", str(tmp_path))))

    assert problem
    assert problem.startswith("names certificates that cannot be used: ")
    assert says in problem
    assert "hunter2" not in problem


LOCKED_KEY = b"""-----BEGIN ENCRYPTED PRIVATE KEY-----
-----END ENCRYPTED PRIVATE KEY-----
"""
