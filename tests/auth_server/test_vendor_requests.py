"""Every vendor's requests, against the parameters that the vendor documents. Each row names the document."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from authproxy_common.secret import Secret
from tests.support.auth_server import AuthServerWorld, asked_of, check_sent_back
from tests.support.client_keys import client_key
from tests.support.github import GitHub, github_world

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-09")]

TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"
# What OAuth 2.0 asks of every request, whether or not a vendor repeats it (RFC 6749 §4.1.1, §4.1.3).
STANDARD, STANDARD_TOKEN = {"response_type"}, {"grant_type"}
SECRET = {"client_id", "client_secret"}
ASSERTION = {"client_id", "client_assertion_type", "client_assertion"}


def words(*texts: str) -> set[str]:
    return {word for text in texts for word in text.split()}


@dataclass(frozen=True)
class Documented:
    """A vendor's word on its requests.

    Args:
        documents: Where it gives it, by title and section.
        unread: What was not to be had in full, so that what the row says of it is general knowledge.
        authorization, token: The names of the parameters that it takes.
        issuer, configured, provider: How it is configured here, and how it behaves.
        asked: What an authorization request has to have with these settings.
        authenticates: What a token request has to have besides the code, or Basic where empty.
    """

    documents: tuple[str, ...]
    authorization: set[str]
    token: set[str]
    issuer: str
    asked: dict[str, str]
    configured: dict[str, Any] = field(default_factory=dict)
    provider: dict[str, Any] = field(default_factory=dict)
    authenticates: set[str] = field(default_factory=set)
    unread: str = ""

    def world(self) -> AuthServerWorld:
        """An auth server that knows this provider alone, by what an operator has to write."""
        configured = {"scope": "", **self.configured}
        return AuthServerWorld(provider={"issuer": self.issuer, **self.provider}, configured=configured)


OFFLINE = {"metadata": {"scopes_supported": ["openid", "profile", "email", "offline_access"]}}
MICROSOFT = (
    "Microsoft identity platform and OAuth 2.0 authorization code flow: Request an authorization code; Redeem a code",
    "OpenID Connect on the Microsoft identity platform: Fetch the OpenID configuration document",
    "OpenID Connect on the Microsoft identity platform: Send the sign-in request",
)
# As in the sample of the document. Elsewhere it says that Basic is taken too.
MICROSOFT_TAKES = ("client_secret_post", "private_key_jwt")
OF_MICROSOFT = words(
    "client_id response_type redirect_uri scope response_mode state nonce prompt login_hint domain_hint",
    "code_challenge code_challenge_method",
)
DOCUMENTED = {
    "Entra": Documented(
        MICROSOFT,
        OF_MICROSOFT,
        words("client_id scope code redirect_uri grant_type code_verifier client_secret"),
        ENTRA,
        {"scope": "openid email profile offline_access"},
        provider=OFFLINE | {"auth_methods": MICROSOFT_TAKES, "claims": {"tid": TENANT}},
        authenticates=SECRET,
    ),
    "Entra with a certificate": Documented(
        (*MICROSOFT, "Application authentication certificate credentials: Assertion format; Using a client assertion"),
        OF_MICROSOFT,
        words("client_id scope code redirect_uri grant_type code_verifier client_assertion_type client_assertion"),
        ENTRA,
        {"scope": "openid email profile offline_access"},
        configured={
            "client_secret": Secret(""),
            "private_key": Secret(client_key().pem),
            "certificate": client_key().certificate,
        },
        provider=OFFLINE
        | {
            "auth_methods": MICROSOFT_TAKES,
            "claims": {"tid": TENANT},
            "registered_key": client_key().public,
        },
        authenticates=ASSERTION,
    ),
    "Google": Documented(
        (
            "OpenID Connect: Exchange code for access token and ID token; Authentication URI parameters",
            "OpenID Connect: The Discovery document, for PKCE",
        ),
        words(
            "client_id nonce response_type redirect_uri scope state access_type claims display hd",
            "include_granted_scopes login_hint prompt hl code_challenge code_challenge_method",
        ),
        words("code client_id client_secret redirect_uri grant_type code_verifier"),
        "https://accounts.google.com",
        {
            "scope": "openid email profile",
            "access_type": "offline",
            "prompt": "consent select_account",
            "hd": "example.com",
        },
        configured={"hosted_domains": ("example.com",)},
        provider={
            "auth_methods": ("client_secret_post", "client_secret_basic"),
            "metadata": {"scopes_supported": ["openid", "email", "profile"]},
            "claims": {"hd": "example.com"},
        },
        unread="OpenID Connect API reference (its beginning alone); where code_verifier is documented",
    ),
    "Okta": Documented(
        ("OpenID Connect & OAuth 2.0 API: /authorize; /token; Client Authentication Methods",),
        words(
            "client_id code_challenge code_challenge_method display idp_scope idp login_hint max_age nonce prompt",
            "redirect_uri response_type response_mode request scope sessionToken state",
        ),
        words(
            "code code_verifier grant_type password redirect_uri refresh_token scope username",
            "client_id client_secret client_assertion_type client_assertion",
        ),
        "https://example.okta.com/oauth2/default",
        {"scope": "openid email profile offline_access"},
        provider=OFFLINE,
        unread="the edition of today, Org and Custom Authorization Servers, beyond the beginning of /authorize",
    ),
    "Auth0": Documented(
        (
            "Authentication API, Authorization Code Flow with PKCE: Authorize; Get Token",
            "Authenticate with Private Key JWT: Build the assertion; Exchange assertion for access tokens",
            "OpenID Connect Core 1.0 §3.1.2.1, for nonce and login_hint",
        ),
        words(
            "audience scope response_type client_id state redirect_uri code_challenge code_challenge_method",
            "connection prompt organization invitation nonce login_hint",
        ),
        words("grant_type client_id code code_verifier redirect_uri client_assertion_type client_assertion"),
        "https://example.eu.auth0.com/",
        {"scope": "openid email profile offline_access", "audience": "https://api.example.com"},
        configured={
            "audience": "https://api.example.com",
            "client_secret": Secret(""),
            "private_key": Secret(client_key().pem),
        },
        provider=OFFLINE
        | {
            "auth_methods": ("private_key_jwt",),
            "registered_key": client_key().public,
            "assertion_audience": "https://example.eu.auth0.com/",
        },
        authenticates=ASSERTION,
        unread="the Authorize and Get Token of today, beyond their beginnings",
    ),
    "Keycloak": Documented(
        (
            "Securing applications and services with OpenID Connect: Available Endpoints, which points to",
            "OpenID Connect Core 1.0 §3.1.2.1, §3.1.3.1",
            "RFC 7636 §4",
        ),
        words(
            "client_id redirect_uri response_type response_mode scope state nonce prompt login_hint max_age ui_locales",
            "acr_values code_challenge code_challenge_method request request_uri claims",
        ),
        words(
            "grant_type code redirect_uri code_verifier client_id client_secret client_assertion_type client_assertion"
        ),
        "https://sso.example.com/realms/example",
        {"scope": "openid email profile offline_access"},
        configured={"type": "keycloak"},
        provider=OFFLINE | {"auth_methods": ("private_key_jwt", "client_secret_basic", "client_secret_post")},
        unread="Server Administration Guide, Confidential client credentials",
    ),
}


def check_documented(sent: Iterable[str], documented: set[str]) -> None:
    assert sorted({*sent} - documented) == []


@pytest.mark.parametrize("vendor", DOCUMENTED)
@pytest.mark.requirement("BR-04")
async def test_an_authorization_request_has_what_the_vendor_documents_and_nothing_else(vendor: str) -> None:
    documented = DOCUMENTED[vendor]

    asked = asked_of(await documented.world().login(prompt="login", login_hint="alice@example.com"))

    check_documented(asked, documented.authorization | STANDARD)
    assert documented.asked.items() <= asked.items()
    assert {"client_id", "redirect_uri", "state", "nonce", "code_challenge"} <= asked.keys()
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["login_hint"] == "alice@example.com"


@pytest.mark.parametrize("vendor", DOCUMENTED)
async def test_a_token_request_has_what_the_vendor_documents_and_nothing_else(vendor: str) -> None:
    documented = DOCUMENTED[vendor]
    world = documented.world()

    assert (await world.tokens())["user"]["sub"] == "248289761001"

    [asked] = world.provider.asked["token"]
    check_documented(asked, documented.token | STANDARD_TOKEN)
    assert {"grant_type", "code", "redirect_uri", "code_verifier"} | documented.authenticates <= asked.keys()
    assert documented.authenticates or not (SECRET | ASSERTION) & asked.keys()


@pytest.mark.parametrize("vendor", DOCUMENTED)
@pytest.mark.requirement("BR-04")
async def test_a_gateway_that_narrows_still_gets_what_asks_for_a_refresh_token(vendor: str) -> None:
    documented = DOCUMENTED[vendor]

    asked = asked_of(await documented.world().login(scope="openid admin"))

    expected = {"openid", "offline_access"} & set(documented.asked["scope"].split())
    assert set(asked["scope"].split()) == expected
    assert asked.get("access_type") == documented.asked.get("access_type")


async def test_the_slash_at_the_end_of_auth0s_issuer_is_part_of_it() -> None:
    issuer = "https://example.eu.auth0.com/"
    slashless = issuer.rstrip("/")

    assert (await AuthServerWorld(provider={"issuer": issuer}).tokens())["user"]["iss"] == issuer
    misconfigured = AuthServerWorld(provider={"issuer": issuer}, configured={"issuer": slashless})
    check_sent_back(await misconfigured.login(), "server_error")
    another_issuers = AuthServerWorld(provider={"issuer": issuer, "claims": {"iss": slashless}})
    check_sent_back(await another_issuers.complete(), "server_error")


@pytest.mark.parametrize("vendor", DOCUMENTED)
async def test_the_resource_of_an_mcp_client_is_not_passed_on(vendor: str) -> None:
    asked = asked_of(await DOCUMENTED[vendor].world().login(resource="https://mcp.example.com/mcp"))

    assert "resource" not in asked


async def test_github_is_asked_what_it_documents_and_nothing_else() -> None:
    # "Authorizing OAuth apps": Request a user's GitHub identity; Users are redirected back to your site by GitHub.
    # The editions that could be read again are older than PKCE and `offline_access` at GitHub.
    authorization = words(
        "client_id redirect_uri login scope state allow_signup prompt code_challenge code_challenge_method"
    )
    token = words("client_id client_secret code redirect_uri code_verifier")
    github = GitHub()

    await github_world(github).tokens(prompt="login select_account", login_hint="octocat")

    [asked], [redeemed] = github.asked["authorize"], github.asked["token"]
    check_documented(asked, authorization | STANDARD)
    assert (asked["scope"], asked["login"]) == ("read:user user:email offline_access", "octocat")
    check_documented(redeemed, token | STANDARD_TOKEN)
    assert {*SECRET, "code", "redirect_uri", "code_verifier"} <= redeemed.keys()
