"""Clients: who asks, how it proves to be that client, and where answers to it may go."""

from dataclasses import field
from enum import Enum

from authproxy_common.clients.credentials import Credentials
from authproxy_common.errors import InvalidRequest
from authproxy_common.exchange import CLIENT
from authproxy_common.frozen import frozen
from authproxy_common.return_address import ReturnAddress
from mcp_gateway.domain import redirect_uris
from mcp_gateway.domain.allowances import Allowance

# For whoever registers or publishes a document: with these a person decides. The others are for configured clients.
GRANT_TYPES = ("authorization_code", "refresh_token")
CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Standing(Enum):
    """Who vouches for what a client says of itself."""

    REGISTERED = "registered"
    """Nobody: it registered itself."""
    DOCUMENTED = "documented"
    """The host of its metadata document, whoever that is."""
    KNOWN = "known"
    """The host of its metadata document, which the operator knows."""
    CONFIGURED = "configured"
    """The operator, who configured it."""


@frozen
class Client:
    """A client, as it registered or was configured.

    Args:
        client_id: As it presents it.
        client_name: What it calls itself.
        redirect_uris: Where codes may go.
        grant_types: That it may use.
        credentials: How it authenticates.
        standing: Who vouches for it.
        needs_consent: Whether a person is asked before it gets a code.
        allowance: What it may have by itself, for nobody (`client_credentials`).
    """

    client_id: str
    client_name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...] = GRANT_TYPES
    credentials: Credentials = field(default_factory=Credentials)
    standing: Standing = Standing.REGISTERED
    needs_consent: bool = True
    allowance: Allowance = field(default_factory=Allowance)

    @property
    def subject(self) -> str:
        """Of its tokens where it acts for nobody (RFC 9068 §2.2), which no person's subject can be."""
        return f"{CLIENT}:{self.client_id}"

    def return_address(self, redirect_uri: str | None, state: str | None, issuer: str) -> ReturnAddress:
        """The permission to redirect; raises InvalidRequest when this client did not register `redirect_uri`.

        A client with a single redirect URI may leave it out (OAuth 2.1 §4.1.1), unless it is a loopback one, whose
        port we could not know.
        """
        if redirect_uri is None:
            if len(self.redirect_uris) != 1 or redirect_uris.is_loopback(self.redirect_uris[0]):
                raise InvalidRequest("the parameter redirect_uri is missing")
            return ReturnAddress(self.redirect_uris[0], state, issuer)
        if not any(redirect_uris.matches(registered, redirect_uri) for registered in self.redirect_uris):
            raise UnregisteredRedirectUri("redirect_uri is not one that this client registered")
        return ReturnAddress(redirect_uri, state, issuer)

    @property
    def document_host(self) -> str | None:
        """Whose metadata document it is, where its client_id is the URL of one."""
        if self.standing not in {Standing.DOCUMENTED, Standing.KNOWN}:
            return None
        return redirect_uris.host_or_scheme(self.client_id)

    def may_introspect_access_tokens_of(self, client_id: str) -> bool:
        """Whether it may learn about access tokens of `client_id` (RFC 7662 §4).

        One that the operator configured may, as resource servers have to; another one learns about its own alone.
        """
        return self.standing is Standing.CONFIGURED or client_id == self.client_id


class UnregisteredRedirectUri(InvalidRequest):
    """A redirect URI that is not the client's: a mistake, or somebody who wants the client's code."""


@frozen
class Registration:
    """What a client said of itself, checked (RFC 7591 §2)."""

    client_name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    application_type: str | None = None
