"""A person's groups, from whichever claim a provider has them in."""

from collections.abc import Mapping, Sequence
from typing import Any


def with_groups(claims: dict[str, Any], sources: Sequence[Mapping[str, Any]], path: str) -> dict[str, Any]:
    """`claims` with `groups` from the first of `sources` that has a claim at `path`, and with none where no one has.

    A path is the name of a claim, dots and all, or names with dots between them. What is not text is left out.
    """
    found = next((value for source in sources if (value := _at(source, path)) is not None), None)
    others = {name: value for name, value in claims.items() if name != "groups"}
    if isinstance(found, str):
        found = [found]
    return others | {"groups": [each for each in found if isinstance(each, str)]} if isinstance(found, list) else others


def _at(claims: Mapping[str, Any], path: str) -> Any:
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
