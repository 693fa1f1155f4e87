"""For how long a fetched document may be used, by its own headers (RFC 9111)."""

import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

from authproxy_common.frozen import frozen

_UNSAID = timedelta(minutes=5)
_LONGEST = timedelta(days=1)
_DIRECTIVE = re.compile(r'([a-z-]+)(?:\s*=\s*"?([^",]*)"?)?', re.IGNORECASE)


@frozen
class Freshness:
    """How long a document is good, and how long it is better than none while its server does not answer."""

    fresh: timedelta
    usable: timedelta

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Freshness":
        """By `Cache-Control`, else `Expires`, else five minutes; a day at most (CIMD §4.4)."""
        directives = {name.lower(): value for name, value in _DIRECTIVE.findall(headers.get("cache-control", ""))}
        if directives.keys() & {"no-store", "no-cache", "private"}:
            return cls(timedelta(0), timedelta(0))
        fresh = min(max(_lifetime(directives, headers) - _age(headers), timedelta(0)), _LONGEST)
        if directives.keys() & {"must-revalidate", "proxy-revalidate", "s-maxage"}:
            return cls(fresh, fresh)
        return cls(fresh, _LONGEST)


def _lifetime(directives: Mapping[str, str], headers: Mapping[str, str]) -> timedelta:
    # We are a cache that several replicas share, so s-maxage goes first (§5.2.2.10).
    for name in ("s-maxage", "max-age"):
        if name in directives:
            return _seconds(directives[name])
    if "expires" not in headers:
        return _UNSAID
    try:
        return parsedate_to_datetime(headers["expires"]) - parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        # What cannot be read as a date means that it is over already (§5.3).
        return timedelta(0)


def _age(headers: Mapping[str, str]) -> timedelta:
    return _seconds(headers.get("age", "0"))


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=int(text)) if re.fullmatch(r"[0-9]{1,9}", text.strip()) else timedelta(0)
