"""Dynamic client registration (RFC 7591)."""

from dataclasses import dataclass
from typing import Any

from authproxy_common.errors import InvalidClientMetadata, InvalidRedirectUri
from authproxy_common.events import Events
from mcp_gateway.domain import redirect_uris
from mcp_gateway.domain.clients import GRANT_TYPES, Registration
from mcp_gateway.flows.ports import Registrar

_MAX_REDIRECT_URIS = 8
_MAX_REDIRECT_URI = 512
_MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class RegistrationFlow:
    """Anybody may register; a registration alone permits nothing but to ask a person."""

    registrar: Registrar
    events: Events

    def register(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """The client information response (RFC 7591 §3.2.1).

        We issue no secrets, so `token_endpoint_auth_method` is answered `none` whatever was asked; unknown members
        are left out, as §2 allows.

        Raises:
            InvalidRedirectUri, InvalidClientMetadata: §3.2.2.
        """
        registration = Registration(
            client_name=_name(metadata),
            redirect_uris=_redirect_uris(metadata),
            grant_types=_grant_types(metadata),
        )
        _check_response_types(metadata)
        client_id, issued_at = self.registrar.register(registration)
        self.events.note("client_registered", client_name=registration.client_name)
        return {
            "client_id": client_id,
            "client_id_issued_at": int(issued_at.timestamp()),
            "client_name": registration.client_name,
            "redirect_uris": list(registration.redirect_uris),
            "grant_types": list(registration.grant_types),
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }


def _name(metadata: dict[str, Any]) -> str:
    name = metadata.get("client_name") or "An MCP client without a name"
    if not isinstance(name, str):
        raise InvalidClientMetadata("client_name must be a string")
    # What a person will read on the consent page: no line breaks, nothing invisible or turned around.
    readable = "".join(c for c in name if c.isprintable())
    return readable[:_MAX_NAME].strip() or "An MCP client without a name"


def _redirect_uris(metadata: dict[str, Any]) -> tuple[str, ...]:
    uris = metadata.get("redirect_uris")
    if not isinstance(uris, list) or not uris or len(uris) > _MAX_REDIRECT_URIS:
        raise InvalidRedirectUri(f"redirect_uris must be a list of 1 to {_MAX_REDIRECT_URIS} URIs")
    for uri in uris:
        if not isinstance(uri, str) or len(uri) > _MAX_REDIRECT_URI:
            raise InvalidRedirectUri(f"a redirect URI must be a string of at most {_MAX_REDIRECT_URI} characters")
        redirect_uris.check_redirect_uri(uri)
    return tuple(uris)


def _grant_types(metadata: dict[str, Any]) -> tuple[str, ...]:
    """The grant types of ours that were asked for; all of them where none was named, as MCP clients expect."""
    asked = metadata.get("grant_types")
    if asked is None:
        return GRANT_TYPES
    if not isinstance(asked, list) or "authorization_code" not in asked:
        raise InvalidClientMetadata("grant_types must be a list with authorization_code in it")
    return tuple(grant_type for grant_type in GRANT_TYPES if grant_type in asked)


def _check_response_types(metadata: dict[str, Any]) -> None:
    response_types = metadata.get("response_types", ["code"])
    if not isinstance(response_types, list) or "code" not in response_types:
        raise InvalidClientMetadata("response_types must be a list with code in it")
