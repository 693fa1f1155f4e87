"""JSON documents that others publish, clients above all, kept in the store for as long as their headers say."""

from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

import structlog

from authproxy_common.clients.credentials import ClientRefused
from authproxy_common.clients.freshness import Freshness
from authproxy_common.clock import Clock
from authproxy_common.errors import InvalidRequest, OAuthError, TemporarilyUnavailable
from authproxy_common.frozen import frozen
from authproxy_common.http.fetching import Fetched, FetchFailed, Unfetchable
from authproxy_common.params import read_json_object
from authproxy_common.recent_answers import RecentAnswers
from authproxy_common.records import Collection
from authproxy_common.secret import digest
from authproxy_common.uri import HttpURI

Document: TypeAlias = dict[str, Any]

log = structlog.get_logger("documents")


class Fetcher(Protocol):
    """Fetches what a URL answers; see `DocumentFetcher`."""

    async def fetch(self, uri: HttpURI, limit: int) -> Fetched:
        """Raises Unfetchable or FetchFailed."""
        ...


@frozen
class CachedDocument:
    """A document that was fetched. Its key is the URL.

    Args:
        body: Its text.
        fetched_at: When.
        fresh_until: When it is asked for again.
    """

    body: str
    fetched_at: datetime
    fresh_until: datetime


@frozen
class Documents:
    """Documents by URL, each fetched once for all replicas while it is fresh.

    Args:
        fetcher: Goes where these documents may be.
        cache: Shared.
        limit: Longest document, in bytes.
        recent: What came of the latest fetches of this process, good or bad: strangers can make us ask, and no URL is
            asked more often than this keeps its answer (CIMD §4.4 leaves bounds to us).
        now: The clock.
        publisher: Who publishes them, as logs and errors say it.
    """

    fetcher: Fetcher
    cache: Collection[CachedDocument]
    limit: int
    recent: "RecentAnswers[Document | OAuthError]"
    now: Clock
    publisher: str = "client"

    async def get(self, uri: HttpURI, *, fetched_within: timedelta | None = None) -> Document:
        """The JSON object at `uri`.

        Args:
            uri: Where.
            fetched_within: How old a copy may be, fresh or not; None for what its headers say.

        Raises:
            ClientRefused: There is none to be had.
            TemporarilyUnavailable: It could not be fetched, and there is no copy that would do.
        """
        kept = await self.cache.get(uri.text)
        if kept and self._will_do(kept, fetched_within):
            return read_json_object(kept.body.encode())
        outcome = await self.recent.find(digest(uri.text), lambda: self._outcome(uri))
        if isinstance(outcome, TemporarilyUnavailable) and kept:
            # It is there for as long as it may stand in.
            return read_json_object(kept.body.encode())
        if isinstance(outcome, OAuthError):
            raise outcome.with_traceback(None)
        return outcome

    def _will_do(self, kept: CachedDocument, fetched_within: timedelta | None) -> bool:
        if fetched_within is None:
            return self.now() < kept.fresh_until
        return self.now() < kept.fetched_at + fetched_within

    async def _outcome(self, uri: HttpURI) -> Document | OAuthError:
        try:
            fetched = await self.fetcher.fetch(uri, self.limit)
            document = self._read(fetched)
        except FetchFailed as error:
            log.warning("document_unavailable", publisher=self.publisher, url=uri.text, cause=str(error))
            return TemporarilyUnavailable(f"{self._what} did not arrive", dependency=f"{self.publisher} metadata")
        except Unfetchable as error:
            # Why is for the log: it may tell a stranger what there is inside.
            log.warning("document_refused", publisher=self.publisher, url=uri.text, cause=str(error))
            return ClientRefused(f"{self._what} cannot be fetched")
        except ClientRefused as error:
            return error
        freshness, now = Freshness.of(fetched.headers), self.now()
        if freshness.usable:
            kept = CachedDocument(fetched.body.decode(), now, now + freshness.fresh)
            await self.cache.put(uri.text, kept, freshness.usable)
        return document

    def _read(self, fetched: Fetched) -> Document:
        media_type = fetched.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not (
            media_type.startswith("application/") and media_type.endswith("+json")
        ):
            raise ClientRefused(f"{self._what} is not served as application/json")
        if fetched.headers.get("content-encoding", "identity") != "identity":
            raise ClientRefused(f"{self._what} is compressed, though we asked for it as it is")
        try:
            # In UTF-8 and nothing else (RFC 8259 §8.1): the library would take UTF-16 as well.
            return read_json_object(fetched.body.decode("utf-8").encode())
        except (InvalidRequest, UnicodeDecodeError) as error:
            raise ClientRefused(f"{self._what} is not a JSON object") from error

    @property
    def _what(self) -> str:
        return f"the {self.publisher}'s metadata"
