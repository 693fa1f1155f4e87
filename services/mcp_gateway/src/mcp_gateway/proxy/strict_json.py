"""JSON that every program reads alike: in UTF-8, no member twice, no number that is none (RFC 8259, RFC 7493)."""

import json
from typing import Any

import msgspec

_read, _written = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


class NotStrict(ValueError):
    """Not JSON, or such that two programs could read it differently."""


def read_json(text: bytes) -> Any:
    """The value; raises NotStrict.

    What is the same octet for octet when it is written back is strict: nobody writes a member twice. That is true of
    nearly everything that programs send, and takes a third of the time; all else is read member by member.
    """
    try:
        value = _read(text)
        if _written(value) == text:
            return value
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # The other reader says whether it is, and if so, what it means.
        pass
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
