"""The key with which we authenticate to a provider (`private_key_jwt`), and the certificate that names it."""

import base64
import hashlib
import ssl

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

ClientKey = RSAKey | ECKey
_UNREADABLE = (JoseError, ValueError, TypeError, AttributeError)


def read_client_key(pem: str) -> ClientKey:
    """The private RSA or EC key; raises ValueError, with a message for the operator."""
    for kind in (RSAKey, ECKey):
        try:
            key = kind.import_key(pem)
        except _UNREADABLE:
            continue
        if key.is_private:
            return key
    raise ValueError("must be a private RSA or EC key in PEM, without a password")


def key_problem(pem: str) -> str | None:
    """What is wrong with a key, or None."""
    try:
        read_client_key(pem)
    except ValueError as error:
        return str(error)
    return None


def certificate_problem(pem: str, key_pem: str) -> str | None:
    """What is wrong with the certificate of a key, or None. A problem of the key itself is not named here again."""
    if not key_pem:
        return "is of use with private_key alone"
    if key_problem(key_pem):
        return None
    try:
        thumbprint(pem)
        key = read_client_key(key_pem)
        certified = type(key).import_key(pem)
    except _UNREADABLE:
        return "must be one X.509 certificate in PEM, with the public half of private_key"
    if certified.thumbprint() != key.thumbprint():
        return "is not that of private_key"
    return None


def thumbprint(certificate: str) -> str:
    """`x5t#S256` (RFC 7515 §4.1.8); raises ValueError for what is no PEM."""
    der = ssl.PEM_cert_to_DER_cert(certificate.strip())
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
