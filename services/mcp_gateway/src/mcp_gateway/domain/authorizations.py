"""An authorization from the client's request to the code, as records that any replica can read."""

import hmac

from authproxy_common.errors import InvalidGrant, InvalidRequest, InvalidTarget, UnsupportedResponseType
from authproxy_common.exchange import SignIn
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.pkce import CodeChallenge
from authproxy_common.return_address import ReturnAddress
from authproxy_common.secret import Secret
from mcp_gateway.domain.clients import Client
from mcp_gateway.domain.resources import MCPServers, canonical


@frozen
class Authorization:
    """What a client asked for, with nothing left to check.

    Args:
        client_id: The client's.
        client_name: What it calls itself.
        address: Where every answer goes.
        redirect_uri: The parameter as it was sent, which the token request must repeat; None where it was left out.
        code_challenge: That the token request must meet.
        resource: Canonical URI of the MCP server.
        scope: Granted.
    """

    client_id: str
    client_name: str
    address: ReturnAddress
    redirect_uri: str | None
    code_challenge: str
    resource: str
    scope: tuple[str, ...]

    @classmethod
    def from_params(
        cls, params: Params, client: Client, address: ReturnAddress, servers: MCPServers
    ) -> "Authorization":
        """Raises an OAuthError that may travel to `address`: what concerns the redirect was checked before."""
        if params.get("response_type") != "code":
            raise UnsupportedResponseType("response_type must be code")
        if params.get("response_mode") not in {None, "query"}:
            raise InvalidRequest("response_mode must be query")
        challenge = CodeChallenge.from_request(params.get("code_challenge"), params.get("code_challenge_method"))
        server = servers.target(params.get("resource"))
        return cls(
            client_id=client.client_id,
            client_name=client.client_name,
            address=address,
            redirect_uri=params.get("redirect_uri"),
            code_challenge=challenge.value,
            resource=server.resource,
            scope=server.granted_scope(params.get("scope")),
        )


@frozen
class PendingConsent:
    """A consent page that was rendered. Its key is in the page's form, and is that rendering's CSRF token.

    Args:
        authorization: What consent is asked for.
        browser: Digest of the cookie of the browser that it was rendered for.
        is_needed: Whether the client needs consent at all.
        given: The id of an earlier consent by which nobody has to be asked.
    """

    authorization: Authorization
    browser: str
    is_needed: bool = True
    given: str | None = None

    @property
    def is_due(self) -> bool:
        """Whether a person has to be asked."""
        return self.is_needed and self.given is None


@frozen
class PendingSignIn:
    """An approved authorization whose browser is at the auth server. Its key is the `state` sent there.

    Args:
        authorization: What was approved.
        browser: Digest of the cookie that was set on approval.
        code_verifier: Of our PKCE towards the auth server.
        consent_id: Of the remembered consent, where there is one.
    """

    authorization: Authorization
    browser: str
    code_verifier: Secret
    consent_id: str | None = None


@frozen
class AuthorizationCode:
    """What a code stands for (OAuth 2.1 §4.1.2). Its key is the code.

    Args:
        authorization: What was asked and approved.
        grant_id: Of the grant that redeeming the code opens.
        sign_in: What the auth server handed over.
        consent_id: Of the remembered consent, where there is one.
    """

    authorization: Authorization
    grant_id: str
    sign_in: SignIn
    consent_id: str | None = None

    def check(self, client_id: str, params: Params) -> None:
        """Raises unless the token request comes from the client, for the redirect URI and resource of the code.

        Raises:
            InvalidGrant: OAuth 2.1 §4.1.3.
            InvalidTarget: RFC 8707 §2.2.
        """
        asked = self.authorization
        if not hmac.compare_digest(client_id.encode(), asked.client_id.encode()):
            raise InvalidGrant("the code was issued to another client")
        if asked.redirect_uri is not None and params.get("redirect_uri") != asked.redirect_uri:
            raise InvalidGrant("redirect_uri is not that of the authorization request")
        CodeChallenge(asked.code_challenge).check(params.get("code_verifier"))
        check_resource(params, asked.resource)


@frozen
class CodeUse:
    """Marks a code as used. Its key is the code.

    Args:
        grant_id: Of the grant that the first use opened.
    """

    grant_id: str


def check_resource(params: Params, granted: str) -> None:
    """Raises InvalidTarget when a token request names another resource than the grant's (RFC 8707 §2.2)."""
    resource = params.get("resource")
    if resource is not None and canonical(resource) != granted:
        raise InvalidTarget("resource is not that of the grant")


def check_browser(expected: str, browser: str | None) -> None:
    """Raises InvalidRequest unless `browser` is the digest `expected` (RFC 9700 §4.7)."""
    if browser is None or not hmac.compare_digest(browser, expected):
        raise InvalidRequest("this sign-in was begun in another browser", remedy=CONNECT_AGAIN)


CONNECT_AGAIN = "Go back to your MCP client and connect again; finish in the browser that it opens."
