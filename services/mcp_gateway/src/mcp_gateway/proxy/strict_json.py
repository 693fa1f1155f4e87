"""JSON that every program reads alike: in UTF-8, no member twice, no number that is none (RFC 8259, RFC 7493)."""

import json
from typing import Any


class NotStrict(ValueError):
    """Not JSON, or such that two programs could read it differently."""


def read_json(text: bytes) -> Any:
    """The value; raises NotStrict."""
    try:
        return _DECODER.decode(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise NotStrict("it is no JSON in UTF-8, or has a member twice") from error


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members


def _no_number(_constant: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unrepeated, parse_constant=_no_number)
