"""JSON documents that clients publish, kept in the store for as long as their headers say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from authproxy_common.clients.credentials import ClientRefused
from authproxy_common.clients.freshness import Freshness
from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidRequest, TemporarilyUnavailable
from authproxy_common.http.document_fetcher import Fetched, FetchFailed, Unfetchable
from authproxy_common.params import read_json_object
from authproxy_common.records import Collection

log = structlog.get_logger("client_documents")


class Fetcher(Protocol):
    """Fetches what a URL answers; see `DocumentFetcher`."""

    async def fetch(self, url: str, limit: int) -> Fetched:
        """Raises Unfetchable or FetchFailed."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class CachedDocument:
    """A document that was fetched. Its key is the URL."""

    body: str
    fetched_at: datetime
    fresh_until: datetime


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents by URL, each fetched once for all replicas while it is fresh.

    Args:
        fetcher: Goes where these documents may be.
        cache: Shared.
        limit: Longest document, in bytes.
        now: The clock.
    """

    fetcher: Fetcher
    cache: Collection[CachedDocument]
    limit: int
    now: Clock

    async def get(self, url: str, *, fetched_within: timedelta | None = None) -> dict[str, Any]:
        """The JSON object at `url`, an http or https URL that was parsed strictly before.

        Args:
            url: Where.
            fetched_within: How old a copy may be, fresh or not; None for what its headers say.

        Raises:
            ClientRefused: There is none to be had.
            TemporarilyUnavailable: It could not be fetched, and there is no copy that would do.
        """
        kept = await self.cache.get(url)
        if kept and self._will_do(kept, fetched_within):
            return read_json_object(kept.body.encode())
        try:
            return await self._fetched(url)
        except TemporarilyUnavailable:
            if kept is None:
                raise
            # It is there for as long as it may stand in.
            return read_json_object(kept.body.encode())

    def _will_do(self, kept: CachedDocument, fetched_within: timedelta | None) -> bool:
        if fetched_within is None:
            return self.now() < kept.fresh_until
        return self.now() < kept.fetched_at + fetched_within

    async def _fetched(self, url: str) -> dict[str, Any]:
        try:
            fetched = await self.fetcher.fetch(url, self.limit)
        except FetchFailed as error:
            log.warning("client_document_unavailable", url=url, cause=str(error))
            raise TemporarilyUnavailable(
                "the client's metadata did not arrive", dependency="client metadata"
            ) from error
        except Unfetchable as error:
            # Why is for the log: it may tell a stranger what there is inside.
            log.warning("client_document_refused", url=url, cause=str(error))
            raise ClientRefused("the client's metadata cannot be fetched") from error
        document = _read(fetched)
        freshness, now = Freshness.of(fetched.headers), self.now()
        if freshness.usable:
            await self.cache.put(
                url, CachedDocument(fetched.body.decode(), now, now + freshness.fresh), freshness.usable
            )
        return document


def _read(fetched: Fetched) -> dict[str, Any]:
    media_type = fetched.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise ClientRefused("the client's metadata is not served as application/json")
    if fetched.headers.get("content-encoding", "identity") != "identity":
        raise ClientRefused("the client's metadata is compressed, though we asked for it as it is")
    try:
        return read_json_object(fetched.body)
    except InvalidRequest as error:
        raise ClientRefused("the client's metadata is not a JSON object") from error
