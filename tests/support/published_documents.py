"""What clients have published, without a network."""

import json
from dataclasses import dataclass, field
from typing import Any

from authproxy_common.http.fetching import Fetched, Unfetchable
from authproxy_common.uri import HttpURI


@dataclass
class PublishedDocuments:
    """What clients have published: a `Fetcher` whose internet is a table.

    Args:
        pages: Body and headers by URL, or what is raised instead.
        asked: Every URL that was fetched, in order.
    """

    pages: dict[str, Fetched | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, url: str, document: Any, **headers: str) -> None:
        """From now on `url` answers with `document` as JSON."""
        fields = {"content-type": "application/json"} | {n.replace("_", "-"): v for n, v in headers.items()}
        self.pages[url] = Fetched(fields, json.dumps(document).encode())

    async def fetch(self, uri: HttpURI, limit: int) -> Fetched:
        self.asked.append(uri.text)
        answer = self.pages.get(uri.text, Unfetchable("no such host"))
        if isinstance(answer, Exception):
            raise answer
        if len(answer.body) > limit:
            raise Unfetchable("too long")
        return answer
