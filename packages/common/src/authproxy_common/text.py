"""Text that came from outside, as JSON."""

import json
from typing import Any


def check_unicode(value: Any) -> None:
    """Raises ValueError for a JSON value with half of a surrogate pair in it.

    JSON can spell one; it would fail later, wherever the text is first encoded.
    """
    json.dumps(value, ensure_ascii=False).encode()
