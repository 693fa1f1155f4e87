"""Google: refresh tokens by parameters instead of a scope, and Workspace domains."""

from collections.abc import Mapping, Sequence
from typing import Any

from auth_server.flows.ports import AuthorizationRequest
from auth_server.providers.vendor import Vendor
from authproxy_common.errors import AccessDenied
from authproxy_common.secret import Secret

_ISSUERS = ("https://accounts.google.com", "accounts.google.com")


class GoogleVendor(Vendor):
    """Google accounts, or those of certain Workspace domains."""

    __slots__ = ()

    def is_own_token(self, claims: Mapping[str, Any], _key_issuer: str | None) -> bool:
        # Google writes its issuer without a scheme too, and says so.
        return claims["iss"] in (_ISSUERS if self.settings.issuer in _ISSUERS else (self.settings.issuer,))

    def scope(self, asked: str, _supported: Sequence[str] | None) -> str:
        """Google refuses a scope that it does not know, and `offline_access` is one."""
        return " ".join(scope for scope in asked.split() if scope != "offline_access")

    def prompt(self, asked: str | None) -> str | None:
        """Google documents no `login`; to choose an account is the nearest that it does."""
        prompts = ("select_account" if prompt == "login" else prompt for prompt in (asked or "").split())
        return " ".join(dict.fromkeys(prompts)) or None

    def parameters(self, request: AuthorizationRequest) -> dict[str, str]:
        """A refresh token comes with consent alone, so who still has one is not asked for consent again."""
        further: dict[str, str] = {}
        if self.settings.refresh_tokens:
            further = {"access_type": "offline"} | ({} if request.has_refresh_token else {"prompt": "consent"})
        if domains := self.settings.hosted_domains:
            further["hd"] = domains[0] if len(domains) == 1 else "*"
        return further

    def check_person(self, claims: Mapping[str, Any]) -> None:
        """The parameter only helps to choose an account; the claim is what counts."""
        if not self._is_of_our_domains(claims):
            raise AccessDenied("people outside the configured domains may not sign in here")

    def admits_user_info(self, claims: Mapping[str, Any], _access_token: Secret) -> bool:
        return self._is_of_our_domains(claims)

    def _is_of_our_domains(self, claims: Mapping[str, Any]) -> bool:
        domains, domain = self.settings.hosted_domains, claims.get("hd")
        return not domains or domain in domains or ("*" in domains and bool(domain))
