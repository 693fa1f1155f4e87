"""What is to be said of a collection that its type does not say; docs/storage-schema.md is made of it."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from authproxy_common.frozen import frozen

_IN_METADATA = "described"


@frozen
class Described:
    """A collection in words.

    Args:
        key: Of what its keys are digests.
        lifetime: How long a record lives; `{ttl}` stands for the collection's own.
        written: By which command, when.
        used: By which command, when; what is consumed is `take`n.
    """

    key: str
    lifetime: str
    written: str
    used: str


def described(key: str, *, lifetime: str, written: str, used: str) -> Any:
    """A dataclass field for a collection, with its description."""
    return field(metadata={_IN_METADATA: Described(key, lifetime, written, used)})


def description_of(metadata: Mapping[Any, Any]) -> Described:
    """That of a field, by its metadata."""
    found: Described = metadata[_IN_METADATA]
    return found
