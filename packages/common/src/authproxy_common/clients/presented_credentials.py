"""What a client presents to prove who it is (OAuth 2.1 §2.4, RFC 7521 §4.2)."""

import base64
import binascii
from urllib.parse import unquote

from authproxy_common.clients.credentials import BASIC, NONE, POST, PRIVATE_KEY_JWT, AuthenticationFailed
from authproxy_common.errors import InvalidRequest
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.secret import Secret

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@frozen
class PresentedCredentials:
    """Not yet believed.

    Args:
        method: How they came, by the names of RFC 7591 §2.
        client_id: As it was sent; empty where only the assertion names the client.
        proof: The secret or the assertion; empty for `none`.
    """

    method: str
    client_id: str
    proof: Secret

    @classmethod
    def from_request(cls, params: Params, authorization: str | None) -> "PresentedCredentials":
        """From the form and the Authorization header.

        Raises:
            InvalidRequest: The client authenticates in several ways at once (RFC 6749 §2.3).
            InvalidClient: It names itself not at all, or twice and differently, or in an unreadable way.
        """
        named, password = _basic(authorization) if authorization else ("", "")
        secret, assertion = params.get("client_secret") or "", params.get("client_assertion") or ""
        if sum(map(bool, (password, secret, assertion))) > 1:
            raise InvalidRequest("the client authenticates in several ways at once")
        client_id = params.get("client_id") or named
        if named and named != client_id:
            raise AuthenticationFailed("client_id is given twice and differently")
        if assertion and params.get("client_assertion_type") != ASSERTION_TYPE:
            raise AuthenticationFailed(f"client_assertion_type must be {ASSERTION_TYPE}")
        if not client_id and not assertion:
            raise AuthenticationFailed("client_id is missing")
        # A public client may name itself by HTTP Basic, with an empty password.
        method = BASIC if password else POST if secret else PRIVATE_KEY_JWT if assertion else NONE
        return cls(method, client_id, Secret(password or secret or assertion))


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise AuthenticationFailed("the Authorization header is not HTTP Basic")
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise AuthenticationFailed("the Authorization header is not readable") from error
    client_id, _, secret = decoded.partition(":")
    return unquote(client_id), unquote(secret)
