"""What clients say of themselves (RFC 7591 §2), checked alike whether they registered it or published it."""

from typing import Any

from authproxy_common.errors import InvalidClientMetadata, InvalidRedirectUri
from mcp_gateway.domain import redirect_uris
from mcp_gateway.domain.clients import GRANT_TYPES, Registration

_MAX_REDIRECT_URIS = 8
_MAX_REDIRECT_URI = 512
_MAX_NAME = 120
_NAMELESS = "An MCP client without a name"


def read_metadata(metadata: dict[str, Any]) -> Registration:
    """What of `metadata` we go by; unknown members are left out, as §2 allows.

    Raises:
        InvalidRedirectUri, InvalidClientMetadata: §3.2.2.
    """
    _check_response_types(metadata)
    application_type = _application_type(metadata)
    return Registration(
        client_name=_name(metadata),
        redirect_uris=_redirect_uris(metadata, application_type),
        grant_types=_grant_types(metadata),
        application_type=application_type,
    )


def _name(metadata: dict[str, Any]) -> str:
    name = metadata.get("client_name") or _NAMELESS
    if not isinstance(name, str):
        raise InvalidClientMetadata("client_name must be a string")
    # What a person will read on the consent page: no line breaks, nothing invisible or turned around.
    readable = "".join(c for c in name if c.isprintable())
    return readable[:_MAX_NAME].strip() or _NAMELESS


def _application_type(metadata: dict[str, Any]) -> str | None:
    """`native` or `web`; None where it is not said, and then redirect URIs of either kind are taken.

    OpenID Connect Registration would have it mean `web`, but MCP clients on loopback leave it out.
    """
    application_type = metadata.get("application_type")
    if application_type not in (None, "native", "web"):  # a tuple, for what is not hashable
        raise InvalidClientMetadata("application_type must be native or web")
    return application_type


def _redirect_uris(metadata: dict[str, Any], application_type: str | None) -> tuple[str, ...]:
    uris = metadata.get("redirect_uris")
    if not isinstance(uris, list) or not uris or len(uris) > _MAX_REDIRECT_URIS:
        raise InvalidRedirectUri(f"redirect_uris must be a list of 1 to {_MAX_REDIRECT_URIS} URIs")
    for uri in uris:
        if not isinstance(uri, str) or len(uri) > _MAX_REDIRECT_URI:
            raise InvalidRedirectUri(f"a redirect URI must be a string of at most {_MAX_REDIRECT_URI} characters")
        redirect_uris.check_redirect_uri(uri)
        if application_type == "web" and not redirect_uris.is_web(uri):
            raise InvalidRedirectUri("the redirect URIs of a web application must be https, and not on localhost")
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
