"""Documents of others, as they are fetched: what comes of it, and when what fetches them is made."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from authproxy_common.addresses import Address
from authproxy_common.frozen import frozen
from authproxy_common.uri import HttpURI

if TYPE_CHECKING:
    from authproxy_common.http.document_fetcher import DocumentFetcher


class _NotFetched(Exception):
    """The message is for the log: it may tell of addresses inside.

    Args:
        status: What was answered; None where nothing was.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unfetchable(_NotFetched):
    """There is nothing to be had at this URL."""


class OutOfBounds(Unfetchable):
    """It leads to where we may not go."""


class FetchFailed(_NotFetched):
    """It could not be had this time; asking again may help."""


@frozen
class Fetched:
    """A successful answer, read to its end. Names of headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes


class FetcherWhenNeeded:
    """A `DocumentFetcher`, made for the first document.

    Args:
        may_connect: See there.
    """

    def __init__(self, may_connect: Callable[[Address], bool]) -> None:
        self._may_connect = may_connect

    async def fetch(self, uri: HttpURI, limit: int) -> Fetched:
        """See there."""
        return await self._fetcher.fetch(uri, limit)

    @cached_property
    def _fetcher(self) -> "DocumentFetcher":
        # Here, because its libraries and its TLS context are a tenth of a start, and many a process fetches nothing.
        from authproxy_common.http.document_fetcher import DocumentFetcher  # noqa: PLC0415

        return DocumentFetcher(self._may_connect)
