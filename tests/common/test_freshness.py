"""How long a client's document is used, by its headers."""

from datetime import timedelta
from typing import Any

import pytest

from authproxy_common.clients.freshness import Freshness

pytestmark = pytest.mark.requirement("CL-01")

DAY, HOUR, NOTHING = timedelta(days=1), timedelta(hours=1), timedelta(0)
NOON, ONE = "Thu, 26 Nov 2026 12:00:00 GMT", "Thu, 26 Nov 2026 13:00:00 GMT"

CASES: list[Any] = [
    pytest.param({}, timedelta(minutes=5), DAY, id="nothing said"),
    pytest.param({"cache-control": "max-age=3600"}, HOUR, DAY, id="max-age"),
    pytest.param({"cache-control": "Public, Max-Age=3600"}, HOUR, DAY, id="in another case"),
    pytest.param({"cache-control": 'max-age="3600"'}, HOUR, DAY, id="in quotes"),
    pytest.param({"cache-control": "max-age=99999999"}, DAY, DAY, id="longer than a day"),
    pytest.param({"cache-control": "max-age=60, s-maxage=3600"}, HOUR, HOUR, id="shared caches go by s-maxage"),
    pytest.param({"cache-control": "max-age=3600", "age": "600"}, HOUR - timedelta(minutes=10), DAY, id="aged"),
    pytest.param({"cache-control": "max-age=60", "age": "600"}, NOTHING, DAY, id="too old on arrival"),
    pytest.param({"cache-control": "max-age=3600, must-revalidate"}, HOUR, HOUR, id="not to be used stale"),
    pytest.param({"cache-control": "no-store, max-age=3600"}, NOTHING, NOTHING, id="no-store"),
    pytest.param({"cache-control": "private, max-age=3600"}, NOTHING, NOTHING, id="private"),
    pytest.param({"cache-control": "no-cache, max-age=3600"}, NOTHING, NOTHING, id="no-cache"),
    pytest.param({"cache-control": "max-age=soon"}, NOTHING, DAY, id="not a number"),
    pytest.param({"expires": ONE, "date": NOON}, HOUR, DAY, id="Expires"),
    pytest.param({"expires": "0", "date": NOON}, NOTHING, DAY, id="Expires that is no date"),
    pytest.param({"expires": NOON, "date": ONE}, NOTHING, DAY, id="Expires in the past"),
    pytest.param({"cache-control": "max-age=3600", "expires": "0"}, HOUR, DAY, id="max-age before Expires"),
]


@pytest.mark.parametrize(("headers", "fresh", "usable"), CASES)
def test_a_document_is_used_for_as_long_as_its_headers_say(
    headers: dict[str, str], fresh: timedelta, usable: timedelta
) -> None:
    assert Freshness.of(headers) == Freshness(fresh, usable)
