"""`rediss://`: a real Redis behind TLS, believed when its certificate is right and not otherwise."""

import contextlib
import ipaddress
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.records import open_store
from authproxy_common.secret import Secret
from tests.support.servers import answers, free_port, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ST-05", "OP-02")]


def certificate(directory: Path, address: str) -> tuple[Path, Path]:
    """A certificate for `address` that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = directory / "redis.crt", directory / "redis.key"
    certificate_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_path.write_bytes(key.private_bytes(*form))
    return certificate_path, key_path


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
