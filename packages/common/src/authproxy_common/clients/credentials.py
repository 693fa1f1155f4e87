"""How a client authenticates, by the names of RFC 7591 §2."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from authproxy_common.errors import InvalidClient, InvalidRequest
from authproxy_common.secret import Secret
from authproxy_common.uri import HttpURI

NONE, BASIC, POST, PRIVATE_KEY_JWT = "none", "client_secret_basic", "client_secret_post", "private_key_jwt"

SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True)
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
