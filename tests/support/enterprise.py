"""A gateway that trusts the issuers of two enterprises, one of them for two of its tenants."""

from typing import Any

import httpx

from authproxy_common.secret import Secret
from mcp_gateway.settings import ClientSettings, ServerSettings, TrustedIssuerSettings
from mcp_gateway.settings.policies import ScopeSettings
from tests.support.client_assertions import assertion_form, client_key, jwks_of
from tests.support.gateway import GATEWAY, REDIRECT_URI, UPSTREAM, World
from tests.support.trusted_issuer import JWT_BEARER, TrustedIssuer

ACME, PARTNER = "https://acme.idp.example", "https://partner.example/tenants"
JWKS_URI = f"{ACME}/keys"
SECRET = "the secret of an editor"
KEY = client_key()
SCOPES: dict[str, str | ScopeSettings] = {"read": "Read", "write": "Write", "admin": "Administer"}
SERVERS = {
    "default": ServerSettings(url=f"{UPSTREAM}/mcp", credentials="identity"),
    "wiki": ServerSettings(url=f"{UPSTREAM}/mcp", scopes=SCOPES, required_scopes=("read",), credentials="identity"),
    "payroll": ServerSettings(url=f"{UPSTREAM}/mcp"),
}
WIKI, DEFAULT, PAYROLL = (f"{GATEWAY}{path}" for path in ("/wiki/mcp", "/mcp", "/payroll/mcp"))
_WITH_SECRET: dict[str, Any] = {
    "redirect_uris": (REDIRECT_URI,),
    "grant_types": ("authorization_code", "refresh_token", JWT_BEARER),
    "token_endpoint_auth_method": "client_secret_basic",
    "client_secret": Secret(SECRET),
}
CLIENTS = {
    "editor": ClientSettings(**_WITH_SECRET),
    "browser": ClientSettings(**_WITH_SECRET),
    "robot": ClientSettings(grant_types=(JWT_BEARER,), token_endpoint_auth_method="private_key_jwt", jwks=jwks_of(KEY)),
    "people's": ClientSettings(**{**_WITH_SECRET, "grant_types": ("authorization_code",)}),
}
ISSUERS = {
    "acme": TrustedIssuerSettings(
        issuer=ACME,
        jwks_uri=JWKS_URI,
        clients=("editor", "robot"),
        servers={"wiki": ("read", "write"), "default": ("mcp",)},
    ),
    "partner-one": TrustedIssuerSettings(
        issuer=PARTNER,
        tenant="one",
        jwks_uri=f"{PARTNER}/keys",
        clients=("browser",),
        servers={"wiki": ("read",)},
    ),
    "partner-two": TrustedIssuerSettings(
        issuer=PARTNER,
        tenant="two",
        jwks_uri=f"{PARTNER}/keys",
        clients=("browser",),
        servers={"wiki": ("read",)},
    ),
}


class Enterprise(World):
    """The gateway, the two issuers, and clients that present their assertions."""

    def __init__(self, **changed: Any) -> None:
        super().__init__(**{"clients": CLIENTS, "servers": SERVERS, "trusted_issuers": ISSUERS, **changed})
        self.acme = TrustedIssuer(ACME, self.clock, "editor", scope="read write")
        self.partner = TrustedIssuer(PARTNER, self.clock, "browser", client_key("of the partner"), "read")
        self.published.publish(JWKS_URI, jwks_of(self.acme.key))
        self.published.publish(f"{PARTNER}/keys", jwks_of(self.partner.key))

    async def present(self, assertion: str, client_id: str = "editor", **form: Any) -> httpx.Response:
        """By a client that authenticates as it is configured; a parameter that is None is left out."""
        given = {"grant_type": JWT_BEARER, "assertion": assertion, "resource": WIKI} | form
        options: dict[str, Any] = {"auth": (client_id, SECRET)}
        if client_id == "robot":
            given, options = given | assertion_form(client_id, GATEWAY, self.clock(), KEY), {}
        data = {name: value for name, value in given.items() if value is not None}
        return await self.http.post(f"{GATEWAY}/oauth/token", data=data, **options)

    def good(self, **changed: Any) -> str:
        """An assertion of the first issuer with nothing wrong but what is changed."""
        return self.acme.assertion(GATEWAY, **({"resource": WIKI} | changed))

    async def subject(self, token: httpx.Response) -> str:
        """Whom the MCP server hears of."""
        assert token.status_code == 200, token.text
        assert (await self.call(token.json()["access_token"], "/wiki/mcp")).status_code == 200
        return self.upstream.received[-1].headers["x-forwarded-user"]


def check_refused(answer: httpx.Response, reason: str) -> None:
    """With `invalid_grant`, and words that help whoever has to mend it."""
    body = answer.json()
    assert (answer.status_code, body["error"]) == (400, "invalid_grant"), answer.text
    assert reason in body["error_description"]
    assert answer.headers["cache-control"] == "no-store"
