"""`clients`: MCP clients that the operator knows, each under its client_id."""

from collections.abc import Iterable, Iterator
from typing import Any

from authproxy_common.clients.credentials import BASIC, NONE, POST, PRIVATE_KEY_JWT, secret_problem
from authproxy_common.clients.key_sets import key_set_problem
from authproxy_common.config import checks, setting
from authproxy_common.errors import InvalidRedirectUri
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret
from authproxy_common.uri import MalformedURI, parse_http_uri
from mcp_gateway.domain.clients import CLIENT_CREDENTIALS, GRANT_TYPES, JWT_BEARER
from mcp_gateway.domain.redirect_uris import check_redirect_uri

_WITHOUT_BROWSER = (CLIENT_CREDENTIALS, JWT_BEARER)
_GRANT_TYPES = (*GRANT_TYPES, *_WITHOUT_BROWSER)


@frozen(kw_only=True)
class ClientSettings:
    """One client."""

    client_name: str = setting("")
    redirect_uris: tuple[str, ...] = setting(())
    grant_types: tuple[str, ...] = setting(GRANT_TYPES)
    token_endpoint_auth_method: str = setting(NONE, check=checks.is_one_of(NONE, BASIC, POST, PRIVATE_KEY_JWT))
    client_secret: Secret = setting(Secret(""))
    jwks: dict[str, Any] = setting({})
    jwks_uri: str = setting("", check=checks.is_url)
    skip_consent: bool = setting(False)
    servers: dict[str, tuple[str, ...]] = setting({})

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        yield from self._unusable_redirect_uris()
        for index, grant_type in enumerate(self.grant_types):
            if grant_type not in _GRANT_TYPES:
                yield f"grant_types[{index}]", f"must be one of {', '.join(_GRANT_TYPES)}"
            if grant_type in _WITHOUT_BROWSER and self.token_endpoint_auth_method == NONE:
                yield "token_endpoint_auth_method", f"must not be none for the grant type {grant_type}"
        if (CLIENT_CREDENTIALS in self.grant_types) != bool(self.servers):
            yield "servers", f"and the grant type {CLIENT_CREDENTIALS} are of use together alone"
        sends_secret = self.token_endpoint_auth_method in {BASIC, POST}
        if sends_secret and (problem := secret_problem(self.client_secret)):
            yield "client_secret", problem
        if not sends_secret and self.client_secret:
            yield "client_secret", f"is of no use with token_endpoint_auth_method {self.token_endpoint_auth_method}"
        yield from self._unusable_keys()

    def _unusable_redirect_uris(self) -> Iterator[tuple[str, str]]:
        if "authorization_code" in self.grant_types and not self.redirect_uris:
            yield "redirect_uris", "is needed for the grant type authorization_code"
        for index, redirect_uri in enumerate(self.redirect_uris):
            try:
                check_redirect_uri(redirect_uri)
            except InvalidRedirectUri as error:
                yield f"redirect_uris[{index}]", error.description

    def _unusable_keys(self) -> Iterator[tuple[str, str]]:
        needs_keys = self.token_endpoint_auth_method == PRIVATE_KEY_JWT
        if needs_keys == (bool(self.jwks) == bool(self.jwks_uri)):
            yield "jwks", "either this or jwks_uri is needed for private_key_jwt, and neither for any other method"
        if problem := key_set_problem(self.jwks):
            yield "jwks", problem


def unusable_hosts(hosts: Iterable[str], key: str, *, or_scheme: bool = False) -> Iterator[tuple[str, str]]:
    """What in a list is no host, nor, where that may stand there, the scheme of an application with its colon."""
    for index, host in enumerate(hosts):
        if or_scheme and host.endswith(":") and host[:-1].replace("-", "").replace(".", "").replace("+", "").isalnum():
            continue
        try:
            uri = parse_http_uri(f"https://{host}")
        except MalformedURI:
            uri = None
        if uri is None or uri.host != host:
            allowed = "a host in lower case" + (", or a scheme with its colon" if or_scheme else "")
            yield f"{key}[{index}]", f"must be {allowed}, without a path or a port"
