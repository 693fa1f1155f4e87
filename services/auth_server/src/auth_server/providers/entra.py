"""Microsoft Entra ID: issuers of many tenants, and people with more groups than a token holds."""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from joserfc import jws
from joserfc.errors import JoseError

from auth_server.flows.ports import AuthorizationRequest
from auth_server.providers.vendor import Vendor
from auth_server.settings.providers import GUID
from authproxy_common.errors import AccessDenied, InvalidTarget
from authproxy_common.exchange import ExchangeTarget
from authproxy_common.secret import Secret

# The tenant of personal accounts.
_CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
_TENANT = "{tenantid}"
_STANDS_FOR = {"common": _TENANT, "organizations": _TENANT, "consumers": _CONSUMERS}


class EntraVendor(Vendor):
    """The v2.0 endpoints, of one tenant or of many."""

    __slots__ = ()
    # "Certificate credentials" asks for PS256, with the thumbprint of the certificate.
    rsa_algorithm: ClassVar[str] = "PS256"
    exchange_grant: ClassVar[str] = "urn:ietf:params:oauth:grant-type:jwt-bearer"

    def is_own_metadata(self, issuer: Any) -> bool:
        return bool(issuer == self._issuer())

    def is_own_answer(self, issuer: str) -> bool:
        form = re.escape(self._issuer()).replace(re.escape(_TENANT), GUID.pattern)
        return bool(re.fullmatch(form, issuer))

    def is_own_token(self, claims: Mapping[str, Any], key_issuer: str | None) -> bool:
        """`iss` is that of the token's own tenant, and the key is one that signs for this tenant."""
        tenant = claims.get("tid")
        if not isinstance(tenant, str) or not GUID.fullmatch(tenant):
            return False
        if tenant == _CONSUMERS and self._configured_tenant() == "organizations":
            return False
        issuer = self._issuer().replace(_TENANT, tenant)
        signs_for = issuer if key_issuer is None else key_issuer.replace(_TENANT, tenant)
        return claims["iss"] == issuer == signs_for and issuer.endswith(f"/{tenant}/v2.0")

    def parameters(self, request: AuthorizationRequest) -> dict[str, str]:
        """Without `login_hint` where an account is to be chosen: Entra takes one or the other."""
        prompts = f"{self.settings.authorization_parameters.get('prompt', '')} {request.prompt or ''}".split()
        return {"login_hint": ""} if "select_account" in prompts else {}

    def check_person(self, claims: Mapping[str, Any]) -> None:
        if self.settings.allowed_tenants and claims["tid"] not in self.settings.allowed_tenants:
            raise AccessDenied("people of this tenant may not sign in here")

    def admits_user_info(self, _claims: Mapping[str, Any], access_token: Secret) -> bool:
        """The userinfo endpoint is one for all tenants, and does not say whose the token is; the token itself does.

        It is believed about that, unverified as it is, because the endpoint has just accepted it.
        """
        configured, allowed = self._configured_tenant(), self.settings.allowed_tenants
        if configured == "common" and not allowed:
            return True
        tenant = _unverified_tenant(access_token)
        if tenant is None or (allowed and tenant not in allowed):
            return False
        if configured == "organizations":
            return tenant != _CONSUMERS
        return configured == "common" or tenant == _STANDS_FOR.get(configured, configured)

    def described(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Without groups, and saying so, where Entra names a place to ask for them instead of naming them.

        Entra's word for an address that its domain's owner vouches for is `xms_edov`. A claim `email_verified` is none
        of its own: an administrator, of any tenant at an issuer of many, has mapped something else to it.
        """
        verified = {"email_verified": True} if claims.get("xms_edov") in (True, "true", "1") else {}
        return self._without_overage({n: v for n, v in claims.items() if n != "email_verified"} | verified)

    def _without_overage(self, claims: dict[str, Any]) -> dict[str, Any]:
        elsewhere = claims.get("_claim_names")
        overage = claims.get("hasgroups") in (True, "true") or (isinstance(elsewhere, dict) and "groups" in elsewhere)
        if not overage or self.settings.groups_claim:
            return claims
        return {name: value for name, value in claims.items() if name != "groups"} | {"groups_overage": True}

    def exchange_endpoint(self, token_endpoint: str, subject_token: Secret) -> str:
        """That of the token's own tenant, where the configured one stands for many ("On-Behalf-Of flow")."""
        configured, tenant = self._configured_tenant(), _unverified_tenant(subject_token)
        if configured not in _STANDS_FOR or tenant is None or not GUID.fullmatch(tenant):
            return token_endpoint
        return token_endpoint.replace(f"/{configured}/", f"/{tenant}/")

    def exchange_parameters(self, subject_token: Secret, target: ExchangeTarget) -> dict[str, str]:
        """The On-Behalf-Of flow, which is Entra's in place of RFC 8693. Scopes name the service, and nothing else."""
        if target.audience or target.resource or not target.scope:
            raise InvalidTarget("Entra knows a service by its scopes alone, such as api://APPLICATION_ID/.default")
        return {
            "grant_type": self.exchange_grant,
            "assertion": subject_token.reveal(),
            "requested_token_use": "on_behalf_of",
            "scope": target.scope,
        }

    def _configured_tenant(self) -> str:
        return self.settings.issuer.split("/")[3]

    def _issuer(self) -> str:
        """The issuer of the metadata, with a placeholder where it speaks for many tenants."""
        tenant = self._configured_tenant()
        return self.settings.issuer.replace(f"/{tenant}/", f"/{_STANDS_FOR.get(tenant, tenant)}/")


def _unverified_tenant(access_token: Secret) -> str | None:
    """None for a token that cannot be read, as those of personal accounts are."""
    try:
        payload = json.loads(jws.extract_compact(access_token.reveal().encode()).payload)
    except (JoseError, ValueError, TypeError):
        return None
    tenant = payload.get("tid") if isinstance(payload, dict) else None
    return tenant if isinstance(tenant, str) else None
