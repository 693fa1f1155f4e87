"""The key of this auth server at a provider, and the certificate that names it there."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, RSAKey

from tests.support.openid_provider import rsa_key


@dataclass(frozen=True)
class ClientKey:
    """A key pair with a certificate, as an operator has them."""

    pem: str
    certificate: str
    thumbprint: str
    public: RSAKey


@cache
def client_key(name: str = "of the broker") -> ClientKey:
    """The RSA key called `name`, the same one for the whole run."""
    key = rsa_key(name)
    private = key.private_key
    assert isinstance(private, RSAPrivateKey)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(minutes=5))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    digest = hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).digest()
    return ClientKey(
        key.as_pem(private=True).decode(),
        made.public_bytes(serialization.Encoding.PEM).decode(),
        base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        RSAKey.import_key(key.as_pem(private=False)),
    )


def ec_key(curve: str = "P-256") -> ECKey:
    """A new key pair on `curve`."""
    return ECKey.generate_key(curve)
