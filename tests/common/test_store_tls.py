"""`rediss://`: a real Redis behind TLS, believed when its certificate is right and not otherwise."""

import contextlib
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.records import open_store
from authproxy_common.secret import Secret
from tests.support.certificates import certificate
from tests.support.servers import answers, free_port, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-05", "OP-02")]


@contextlib.contextmanager
def redis_with_tls(binary: str, certificate_path: Path, key_path: Path) -> Iterator[int]:
    """A redis-server that speaks TLS alone and wants a password; yields its port."""
    port = free_port()
    options = ["--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "p%40ss/1"]
    options += ["--tls-cert-file", str(certificate_path), "--tls-key-file", str(key_path)]
    options += ["--tls-ca-cert-file", str(certificate_path), "--tls-auth-clients", "no"]
    process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL, cwd=certificate_path.parent)
    try:
        wait_until(lambda: answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def test_a_store_behind_tls_keeps_what_it_is_given(redis_server_binary: str, tmp_path: Path) -> None:
    certificate_path, key_path = certificate(tmp_path, "127.0.0.1")
    with redis_with_tls(redis_server_binary, certificate_path, key_path) as port:
        store = open_store(Secret(f"rediss://:p%2540ss%2F1@127.0.0.1:{port}/0?ssl_ca_certs={certificate_path}"))
        await store.put("key", b"value", timedelta(minutes=1))
        assert await store.take("key") == b"value"
        await store.aclose()


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        pytest.param("127.0.0.1", False, id="signed by nobody we know"),
        pytest.param("127.0.0.9", True, id="for another address"),
    ],
)
async def test_a_certificate_that_is_not_right_is_not_believed(
    redis_server_binary: str, tmp_path: Path, address: str, trusted: bool
) -> None:
    certificate_path, key_path = certificate(tmp_path, address)
    with redis_with_tls(redis_server_binary, certificate_path, key_path) as port:
        query = f"?ssl_ca_certs={certificate_path}" if trusted else ""
        store = open_store(Secret(f"rediss://:p%2540ss%2F1@127.0.0.1:{port}/0{query}"))
        with pytest.raises(TemporarilyUnavailable):
            await store.take("key")
        await store.aclose()
