"""Client assertions, as honest clients and others make them."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def client_key(key_id: str | None = "key-1") -> ECKey:
    """A new key pair of a client."""
    return ECKey.generate_key("P-256", {"kid": key_id} if key_id else None)


def jwks_of(*keys: ECKey) -> dict[str, Any]:
    """Their public halves."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def assertion_form(client_id: str, audience: Any, now: datetime, key: ECKey, **changed: Any) -> dict[str, str]:
    """The parameters by which a client authenticates (RFC 7523 §2.2); a claim changed to None is left out."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
        "jti": secrets.token_urlsafe(16),
        **changed,
    }
    header = {"alg": "ES256", **({"kid": key.kid} if key.kid else {})}
    token = jwt.encode(header, {name: value for name, value in claims.items() if value is not None}, key)
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
