"""`providers.NAME`: what is registered with one identity provider, and how it is spoken to."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from auth_server.providers.client_key import certificate_problem, key_problem
from authproxy_common.clients.credentials import BASIC, NONE, POST, PRIVATE_KEY_JWT
from authproxy_common.config import checks, setting
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret

KINDS = OIDC, OAUTH2, ENTRA, GOOGLE, AUTH0, KEYCLOAK, GITHUB = "oidc oauth2 entra google auth0 keycloak github".split()

# The providers whose host gives them away. `type` says it for any other, and has the last word.
_HOSTS = {
    "login.microsoftonline.com": ENTRA,
    "login.microsoftonline.us": ENTRA,
    "login.partner.microsoftonline.cn": ENTRA,
    "accounts.google.com": GOOGLE,
    "github.com": GITHUB,
}
_AUTH0_HOST = re.compile(r".+\.auth0\.com")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
_WITHOUT_OPENID = {OAUTH2: "", GITHUB: "read:user user:email"}
_SCOPE = "openid email profile"
# They issue tokens for their own services alone.
WITHOUT_EXCHANGE = frozenset({GOOGLE, GITHUB})
# What only one kind of provider understands.
_KEYS_OF = {
    "allowed_tenants": {ENTRA},
    "hosted_domains": {GOOGLE},
    "audience": {AUTH0},
    "subject_claim": {OAUTH2},
    **{key: {OAUTH2, GITHUB} for key in (*_ENDPOINTS, "revocation_endpoint")},
    "groups_claim": {OIDC, OAUTH2, ENTRA, GOOGLE, AUTH0, KEYCLOAK},
}
_OUR_PARAMETERS = frozenset(
    "client_id response_type response_mode redirect_uri scope state nonce code_challenge code_challenge_method "
    "resource uri".split()
)
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TENANT_PATH = re.compile(r"/([^/]+)/v2\.0")
_ANY_TENANT = ("common", "organizations", "consumers")


def _are_further_parameters(value: dict[str, str]) -> str | None:
    ours = sorted(_OUR_PARAMETERS & value.keys())
    return f"must not have {', '.join(ours)}, which we set ourselves" if ours else None


def _are_guids(value: tuple[str, ...]) -> str | None:
    return None if all(map(GUID.fullmatch, value)) else "must name tenants by their ids, in lower case"


@frozen(kw_only=True)
class ProviderSettings:
    """What is registered with one provider. An OpenID provider says the rest of itself; others are told here."""

    type: str = setting("", check=checks.is_one_of(*KINDS))
    issuer: str = setting("", check=checks.is_url)
    authorization_endpoint: str = setting("", check=checks.is_url)
    token_endpoint: str = setting("", check=checks.is_url)
    userinfo_endpoint: str = setting("", check=checks.is_url)
    revocation_endpoint: str = setting("", check=checks.is_url)
    client_id: str
    client_secret: Secret = setting(Secret(""))
    private_key: Secret = setting(Secret(""), check=lambda value: key_problem(value.reveal()))
    private_key_id: str = setting("")
    certificate: str = setting("")
    token_endpoint_auth_method: str = setting("", check=checks.is_one_of(BASIC, POST, PRIVATE_KEY_JWT, NONE))
    redirect_uri: str = setting(check=checks.is_url)
    response_mode: str = setting("", check=checks.is_one_of("query", "form_post"))
    scope: str = setting("")
    refresh_tokens: bool = setting(True)
    authorization_parameters: dict[str, str] = setting({}, check=_are_further_parameters)
    allowed_tenants: tuple[str, ...] = setting((), check=_are_guids)
    hosted_domains: tuple[str, ...] = setting(())
    audience: str = setting("")
    subject_claim: str = setting("")
    groups_claim: str = setting("")

    @property
    def kind(self) -> str:
        """Which provider it is: as configured, else as the issuer's host tells."""
        host = urlsplit(self.issuer).hostname or ""
        if self.type:
            return self.type
        if not self.issuer and self.authorization_endpoint:
            return OAUTH2
        return AUTH0 if _AUTH0_HOST.fullmatch(host) else _HOSTS.get(host, OIDC)

    @property
    def asked_scope(self) -> str:
        """The configured scopes, or those that its kind of provider needs for a sign-in."""
        return self.scope or _WITHOUT_OPENID.get(self.kind, _SCOPE)

    @property
    def auth_method(self) -> str | None:
        """How we authenticate; None leaves it to what the provider's metadata offers."""
        if self.token_endpoint_auth_method:
            return self.token_endpoint_auth_method
        return PRIVATE_KEY_JWT if self.private_key else None if self.client_secret else NONE

    def urls(self) -> dict[str, str]:
        """Where browsers and credentials go, by key."""
        named = {name: getattr(self, name) for name in ("issuer", *_ENDPOINTS, "revocation_endpoint", "redirect_uri")}
        return {name: url for name, url in named.items() if url}

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        if self.kind not in KINDS:
            return
        for name, kinds in _KEYS_OF.items():
            if getattr(self, name) and self.kind not in kinds:
                yield name, f"is for a provider of type {' or '.join(sorted(kinds))}; this one is {self.kind}"
        yield from self._lacking_endpoints()
        if self.kind not in _WITHOUT_OPENID and "openid" not in self.asked_scope.split():
            yield "scope", "must have openid"
        yield from self._wrong_credentials()
        if self.kind == ENTRA:
            yield from self._wrong_tenants()
        if self.kind == AUTH0 and self.issuer and not self.issuer.endswith("/"):
            yield "issuer", "must end with a slash, as Auth0's does"

    def _lacking_endpoints(self) -> Iterator[tuple[str, str]]:
        lacking = [name for name in _ENDPOINTS if not getattr(self, name)]
        if self.kind not in _WITHOUT_OPENID and not self.issuer:
            yield "issuer", "is missing"
        # GitHub's own are known; another GitHub's are all of them others.
        if self.kind == OAUTH2 or (self.kind == GITHUB and len(lacking) < len(_ENDPOINTS)):
            for name in lacking:
                yield name, "is missing"
        if self.kind == GITHUB and self.userinfo_endpoint and not self.userinfo_endpoint.endswith("/user"):
            yield "userinfo_endpoint", "must be that of the REST API, ending with /user"

    def _wrong_credentials(self) -> Iterator[tuple[str, str]]:
        if self.client_secret and self.private_key:
            yield "private_key", "is one credential too many beside client_secret"
        if (self.kind == GITHUB or self.auth_method in {BASIC, POST}) and not self.client_secret:
            yield "client_secret", "is needed, for this way of authenticating"
        if self.auth_method == PRIVATE_KEY_JWT and not self.private_key:
            yield "private_key", f"is needed for {self.auth_method}"
        if self.auth_method == NONE and (self.client_secret or self.private_key):
            yield "token_endpoint_auth_method", "is none, but there is a credential"
        if self.certificate and (problem := certificate_problem(self.certificate, self.private_key.reveal())):
            yield "certificate", problem
        if self.kind == ENTRA and self.auth_method == PRIVATE_KEY_JWT and not self.certificate:
            yield "certificate", "is needed: Entra finds the key by the thumbprint of its certificate"

    def _wrong_tenants(self) -> Iterator[tuple[str, str]]:
        path = _TENANT_PATH.fullmatch(urlsplit(self.issuer).path)
        tenant = path[1] if path else ""
        if not GUID.fullmatch(tenant) and tenant not in _ANY_TENANT:
            yield "issuer", f"must end with /TENANT/v2.0, TENANT being an id or one of {', '.join(_ANY_TENANT)}"
        if self.allowed_tenants and tenant not in {"common", "organizations"}:
            yield "allowed_tenants", "is for an issuer of many tenants, common or organizations"
