"""The issuers whose identity assertions are taken: whether their keys can be had, and what time they have."""

from collections.abc import Iterator

from authproxy_common.clients.key_sets import public_keys_of
from authproxy_common.doctor import Check, Failed, Vantage, json_object
from authproxy_common.frozen import frozen
from authproxy_common.http.client import Answer
from mcp_gateway.domain.identity_assertions import TrustedIssuer
from mcp_gateway.issuers.published_keys import jwks_uri_of, metadata_urls


@frozen
class TrustedIssuerExamination:
    """One of them.

    Args:
        issuer: As it is configured.
        vantage: From where is looked.
    """

    issuer: TrustedIssuer
    vantage: Vantage

    def checks(self) -> Iterator[Check]:
        """What is examined."""
        keys = f"trusted issuer {self.issuer.name}"
        yield Check(keys, self.publishes_keys)
        yield Check(f"clock of {keys}", self.agrees_on_the_time, needs=keys)

    async def publishes_keys(self) -> str:
        """Its assertions can be verified."""
        url, answer = await self._key_set()
        try:
            keys = public_keys_of(json_object(url, answer, remedy=self._remedy))["keys"]
        except ValueError as error:
            raise Failed(f"{url} {error}", self._remedy) from error
        return f"{len(keys)} keys at {url}"

    async def agrees_on_the_time(self) -> str:
        """Assertions are neither of the future here, nor over before they arrive."""
        _, answer = await self._key_set()
        return self.vantage.check_clock(answer)

    async def _key_set(self) -> tuple[str, Answer]:
        url = self.issuer.jwks_uri or await self._discovered()
        return url, await self.vantage.get(url, remedy=self._remedy)

    async def _discovered(self) -> str:
        first, second = metadata_urls(self.issuer.issuer)
        answer = await self.vantage.get(first, remedy=self._remedy)
        url = first if answer.status == 200 else second
        answer = answer if answer.status == 200 else await self.vantage.get(second, remedy=self._remedy)
        try:
            return jwks_uri_of(json_object(url, answer, remedy=self._remedy), self.issuer.issuer).text
        except ValueError as error:
            raise Failed(f"{url}: {error}", self._remedy) from error

    @property
    def _remedy(self) -> str:
        key = f"trusted_issuers.{self.issuer.name}"
        return (
            f"{key}.issuer must be its issuer identifier to the letter, or {key}.jwks_uri must name its keys; this "
            "machine must reach both, or clients with its assertions get 503"
        )
