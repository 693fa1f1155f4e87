"""Rates, as an operator writes them down: `60/minute`, `5/10 seconds`."""

import re
from datetime import timedelta

from authproxy_common.frozen import frozen

_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "month": timedelta(days=30),
    "year": timedelta(days=360),
}
_RATE = re.compile(
    r"\s*(?P<amount>[0-9]{1,18})\s*(?:/|per)\s*(?P<multiple>[1-9][0-9]{0,5})?"
    rf"\s*(?P<unit>{'|'.join(_UNITS)})s?\s*",
    re.IGNORECASE | re.ASCII,
)


@frozen
class Rate:
    """So many in a window of time.

    Args:
        amount: How many.
        multiple: How many units long the window is.
        unit: A key of the table above.
    """

    amount: int
    multiple: int
    unit: str

    @property
    def window(self) -> timedelta:
        """Its length."""
        return self.multiple * _UNITS[self.unit]

    def __str__(self) -> str:
        """As it is in keys of the store."""
        return f"{self.amount}/{self.multiple}/{self.unit}"


def parse_rate(text: str) -> Rate:
    """The rate that `text` spells; raises ValueError."""
    found = _RATE.fullmatch(text)
    if not found:
        raise ValueError("not a rate")
    return Rate(int(found["amount"]), int(found["multiple"] or 1), found["unit"].lower())
