"""Asking others over HTTP as the service itself does, with words for why there was no answer."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from authproxy_common.clock import Clock
from authproxy_common.doctor.causes import cause_of
from authproxy_common.doctor.findings import Failed, Skipped, shown
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.frozen import frozen
from authproxy_common.http.client import Answer, ask
from authproxy_common.http.request_id import HEADER, current_request_id

# Half of what the times of an ID token may be off: clocks go on drifting.
_CLOCK_TOLERANCE = timedelta(seconds=30)


@frozen
class Vantage:
    """From where is looked.

    Args:
        http: Sends requests, as the service's own do.
        now: The clock of this machine.
        deadline: Of each request.
        inside: Whether public URLs may be out of reach from here without anything being wrong.
    """

    http: httpx.AsyncClient
    now: Clock
    deadline: timedelta
    inside: bool

    async def get(self, url: str, *, remedy: str) -> Answer:
        """What `url` answers; raises Failed, with `remedy`, where that is nothing, or a 5xx."""
        try:
            return await self._ask(url)
        except TemporarilyUnavailable as error:
            raise Failed(_without_answer(url, error), remedy) from error

    async def get_public(self, url: str) -> Answer:
        """What the public URL `url` answers; raises Failed, or from inside Skipped where it is out of reach."""
        try:
            return await self._ask(url)
        except TemporarilyUnavailable as error:
            reason = _without_answer(url, error)
            if error.__cause__ and self.inside:
                raise Skipped(
                    f"{reason}, from here",
                    "ask it from where browsers are; the service itself does not need to reach it",
                ) from error
            if error.__cause__:
                remedy = (
                    "start the service, and let name, certificate and ingress lead to it; if this machine is not meant "
                    "to reach it, as in many pods, say --inside"
                )
                raise Failed(reason, remedy) from error
            raise Failed(reason, "see the log of what answers there") from error

    def check_clock(self, answer: Answer) -> str:
        """Raises Failed where this machine's clock differs from that of whoever answered."""
        written = _date_of(answer)
        if written is None:
            raise Skipped("the answer has no Date to compare this machine's clock with")
        ahead = self.now() - written
        if abs(ahead) > _CLOCK_TOLERANCE:
            way = "ahead of" if ahead > timedelta(0) else "behind"
            raise Failed(
                f"this machine's clock is {abs(ahead).total_seconds():.0f} s {way} theirs",
                "set both clocks by NTP; tokens are refused when clocks differ by more than 60 s",
            )
        return "this machine's clock agrees with theirs"

    async def _ask(self, url: str) -> Answer:
        request = httpx.Request("GET", url)
        return await ask(self.http, request, dependency="other side", deadline=self.deadline)


def is_ours(answer: Answer) -> bool:
    """Whether one of our services answered: it repeats the request's id."""
    return answer.headers.get(HEADER) == current_request_id()


def json_object(url: str, answer: Answer, *, remedy: str) -> dict[str, Any]:
    """The JSON object of a good answer; raises Failed."""
    if answer.status != 200:
        raise Failed(f"{url} answers {answer.status}", remedy)
    body = answer.json()
    if not isinstance(body, dict):
        kind = shown(answer.headers.get("content-type", "nothing said of its type"))
        raise Failed(f"{url} answers something other than a JSON object ({kind})", remedy)
    return body


def _without_answer(url: str, error: TemporarilyUnavailable) -> str:
    # What comes after the path means nothing to a reader, and may be a state.
    address = url.partition("?")[0]
    if error.__cause__ is None:
        return f"{address}: {error.description}"
    return f"{address} cannot be reached: {cause_of(error.__cause__)}"


def _date_of(answer: Answer) -> datetime | None:
    """When the answer was written, by the clock of whoever wrote it, plus the time since then (RFC 9111 §5.1)."""
    try:
        written = parsedate_to_datetime(answer.headers["date"])
        age = timedelta(seconds=int(answer.headers.get("age", "0")))
        return written + age if written.tzinfo else None
    except (KeyError, ValueError, OverflowError):
        return None
