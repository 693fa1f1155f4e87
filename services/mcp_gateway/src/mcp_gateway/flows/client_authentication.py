"""Which client is at the token endpoint (OAuth 2.1 §2.4). All of ours are public: they name themselves."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from authproxy_common.errors import InvalidClient
from authproxy_common.params import Params
from mcp_gateway.domain.clients import Client
from mcp_gateway.flows.ports import ClientSource


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Finds the client in the sources, tried in order."""

    sources: Sequence[ClientSource]

    async def authenticate(self, params: Params, authorization: str | None) -> Client:
        """The client that `client_id` names, in the body or, with an empty password, by HTTP Basic.

        Raises InvalidClient when it is unknown, named twice differently, or offers a secret that it was never given.
        """
        named, offered_secret = _basic(authorization) if authorization else ("", params.get("client_secret") or "")
        client_id = params.get("client_id") or named
        if not client_id or (named and named != client_id):
            raise InvalidClient("client_id is missing, or given twice and differently")
        if offered_secret:
            raise InvalidClient("this client has no secret; use token_endpoint_auth_method none")
        for source in self.sources:
            if client := await source.find(client_id):
                return client
        raise InvalidClient("client_id is not known here, or its registration has expired")


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("the Authorization header is not HTTP Basic")
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidClient("the Authorization header is not readable") from error
    client_id, _, secret = decoded.partition(":")
    return unquote(client_id), unquote(secret)
