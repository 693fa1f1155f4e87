"""How a client authenticates, by the names of RFC 7591 §2."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from authproxy_common.errors import InvalidClient, InvalidRequest
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret
from authproxy_common.uri import HttpURI, parse_http_uri

NONE, BASIC, POST, PRIVATE_KEY_JWT = "none", "client_secret_basic", "client_secret_post", "private_key_jwt"

_SHORTEST_SECRET = 16


@frozen
class Credentials:
    """How a client authenticates, and what that is checked against (RFC 7591 §2).

    Args:
        methods: Those of the four above that it may use.
        secret: For the two methods that send one.
        jwks: Public keys for `private_key_jwt`, as a JWK set.
        jwks_uri: Where that set is, in place of `jwks`.
    """

    methods: tuple[str, ...] = (NONE,)
    secret: Secret | None = None
    jwks: Mapping[str, Any] | None = None
    jwks_uri: HttpURI | None = None

    @classmethod
    def configured(
        cls, methods: tuple[str, ...], secret: Secret, jwks: Mapping[str, Any], jwks_uri: str
    ) -> "Credentials":
        """As an operator wrote them down; what is empty there is absent."""
        return cls(methods, secret or None, jwks or None, parse_http_uri(jwks_uri) if jwks_uri else None)

    @property
    def are_confidential(self) -> bool:
        """Whether the client can be told from somebody who knows its client_id."""
        return NONE not in self.methods


class AuthenticationFailed(InvalidClient):
    """The one answer for clients that are unknown and for clients that are not who they say."""

    WORDS: ClassVar[str] = (
        "the client is not known here, its registration has expired, or it did not authenticate as it is registered"
    )

    def __init__(self, description: str = WORDS) -> None:
        super().__init__(description)


class ClientRefused(InvalidRequest):
    """A client that could be known here, and is not taken: what it published is unusable, or it is kept out."""

    general_remedy = "Tell whoever makes the application, or whoever runs this gateway, and give them the request id."


def secret_problem(secret: Secret) -> str | None:
    """What is wrong with a client secret that an operator wrote down, or None."""
    if len(secret.reveal()) >= _SHORTEST_SECRET:
        return None
    return f"must have {_SHORTEST_SECRET} characters or more; make one with `openssl rand -hex 32`"


def basic_authorization(client_id: str, secret: Secret) -> str:
    """`client_secret_basic` as the value of an `Authorization` header (RFC 6749 §2.3.1)."""
    # Not every server takes a `+` for a space; `%20` means the same to all.
    pair = f"{quote(client_id, safe='')}:{quote(secret.reveal(), safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
