"""`trusted_issuers`: whose identity assertions stand for a sign-in, each under the name that begins its subjects."""

from collections.abc import Iterator

from authproxy_common.config import checks, setting
from authproxy_common.frozen import frozen


@frozen(kw_only=True)
class TrustedIssuerSettings:
    """One issuer."""

    issuer: str = setting(check=checks.is_url)
    tenant: str = setting("")
    jwks_uri: str = setting("", check=checks.is_url)
    clients: tuple[str, ...] = setting(())
    servers: dict[str, tuple[str, ...]] = setting({})
    email_domains: tuple[str, ...] = setting(())

    def urls(self) -> dict[str, str]:
        """Where we believe what we are told, by key."""
        return {"issuer": self.issuer} | ({"jwks_uri": self.jwks_uri} if self.jwks_uri else {})

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        """What concerns several keys."""
        if "?" in self.issuer:
            yield "issuer", "must not have a query"
        for key in ("clients", "servers"):
            if not getattr(self, key):
                yield key, "is missing: nothing is allowed that is not written down"
        for index, domain in enumerate(self.email_domains):
            if "@" in domain or domain != domain.lower():
                yield f"email_domains[{index}]", "must be a domain in lower case, without an @"
