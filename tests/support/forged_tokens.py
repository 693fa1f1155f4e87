"""ID tokens as forgers make them: the shapes of known attacks on signatures (RFC 8725 §2)."""

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.openid_provider import rsa_key

Parts = dict[str, Any]


def unsigned(header: Parts, claims: Parts) -> str:
    """With `alg` none, and no signature."""
    return f"{_encoded(header | {'alg': 'none'})}.{_encoded(claims)}."


def signed_with_the_public_key(header: Parts, claims: Parts) -> str:
    """With HS256, keyed with the public key that everybody knows."""
    public_key = rsa_key(str(header["kid"])).as_pem(private=False)
    signed = f"{_encoded(header | {'alg': 'HS256'})}.{_encoded(claims)}"
    return f"{signed}.{_base64url(hmac.digest(public_key, signed.encode(), hashlib.sha256))}"


def signed_with_another_key(header: Parts, claims: Parts) -> str:
    """With RS256 and the forger's own key, under the name of the provider's."""
    return _rs256(header, claims, "of a forger")


def with_its_own_key(header: Parts, claims: Parts) -> str:
    """With RS256 and the forger's own key, which comes along in the header."""
    jwk = rsa_key("of a forger").as_dict(private=False)
    return _rs256(header | {"jwk": {"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"]}}, claims, "of a forger")


def altered_after_signing(header: Parts, claims: Parts) -> str:
    """Signed by the provider for one person, and then made out to another."""
    head, _, signature = _rs256(header, claims, str(header["kid"])).split(".")
    return f"{head}.{_encoded(claims | {'sub': 'mallory'})}.{signature}"


def with_a_critical_extension(header: Parts, claims: Parts) -> str:
    """Signed by the provider, but not to be believed by anybody who does not know the extension (RFC 7515 §4.1.11)."""
    return _rs256(header | {"crit": ["extension"], "extension": "on"}, claims, str(header["kid"]))


def in_five_parts(_header: Parts, _claims: Parts) -> str:
    """Of the form of a JWE."""
    return ".".join([_encoded({"alg": "dir", "enc": "A128GCM"}), *(_base64url(b"part") for _ in range(4))])


def nonsense(_header: Parts, _claims: Parts) -> str:
    """Not a token at all."""
    return "not.a token"


def _rs256(header: Parts, claims: Parts, key_id: str) -> str:
    signed = f"{_encoded(header | {'alg': 'RS256'})}.{_encoded(claims)}"
    return f"{signed}.{_base64url(_pkcs1(signed.encode(), key_id))}"


def _pkcs1(message: bytes, key_id: str) -> bytes:
    key = rsa_key(key_id).private_key
    assert isinstance(key, RSAPrivateKey)
    return key.sign(message, padding.PKCS1v15(), SHA256())


def _encoded(part: Parts) -> str:
    return _base64url(json.dumps(part).encode())


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
