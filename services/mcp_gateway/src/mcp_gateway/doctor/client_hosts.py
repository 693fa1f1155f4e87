"""The way to the hosts whose clients identify themselves by a metadata document (CIMD)."""

from functools import partial

from authproxy_common.clients.documents import Fetcher
from authproxy_common.doctor import Check, Failed, Skipped
from authproxy_common.doctor.causes import cause_of
from authproxy_common.frozen import frozen
from authproxy_common.http.fetching import FetchFailed, OutOfBounds, Unfetchable
from authproxy_common.uri import parse_http_uri
from mcp_gateway.settings import AdapterSettings

_ENOUGH = 1


@frozen
class ClientHosts:
    """The hosts that the operator named: any other is a stranger's, whom nobody asked to be called.

    Args:
        config: The settings.
        fetcher: Goes where documents of strangers may be.
    """

    config: AdapterSettings
    fetcher: Fetcher

    def checks(self) -> list[Check]:
        """One for each host."""
        hosts = self.config.client_metadata_hosts if self.config.client_metadata_documents else ()
        if not hosts:
            return [Check("client metadata", self.is_open)]
        return [Check(f"client metadata of {host}", partial(self.is_reached, host)) for host in hosts]

    async def is_open(self) -> str:
        """There is nothing to ask."""
        if not self.config.client_metadata_documents:
            raise Skipped("client_metadata_documents is false: clients register instead")
        raise Skipped(
            "clients of any host may identify themselves by a document, and no host is named to try",
            "name those that you expect in client_metadata_hosts; this machine must reach them on the internet",
        )

    async def is_reached(self, host: str) -> str:
        """Whatever the host answers at its root, it answers."""
        try:
            await self.fetcher.fetch(parse_http_uri(f"https://{host}/"), _ENOUGH)
        except (FetchFailed, Unfetchable) as error:
            if error.status is None:
                is_inside = isinstance(error, OutOfBounds)
                reason = "its address is not one of the public internet" if is_inside else cause_of(error)
                raise Failed(
                    f"https://{host} cannot be reached: {reason}",
                    "let this machine resolve the name and connect to port 443 outside, without a proxy; clients that "
                    "identify themselves by a document of this host cannot connect until then",
                ) from error
        return "reached"
