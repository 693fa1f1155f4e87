"""Request parameters: each at most once, and an empty one counts as absent (RFC 6749 §3.1)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from authproxy_common.errors import InvalidRequest
from authproxy_common.frozen import frozen
from authproxy_common.text import check_unicode

# What strangers send is kept while a person signs in, so it has a bound.
MAX_STATE = 2048
_MAX_FIELDS = 64


@frozen
class Params:
    """The parameters of one request, already known to be unrepeated."""

    values: Mapping[str, str]

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> "Params":
        """Raises InvalidRequest when a parameter is repeated, even an empty one."""
        values: dict[str, str] = {}
        for name, value in pairs:
            if name in values:
                raise InvalidRequest(f"the parameter {name[:40]} is repeated")
            values[name] = value
        return cls({name: value for name, value in values.items() if value})

    @classmethod
    def from_query(cls, query_string: bytes) -> "Params":
        """From a query string or an `application/x-www-form-urlencoded` body."""
        try:
            pairs = parse_qsl(
                query_string.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
            )
        except ValueError as error:
            raise InvalidRequest("the parameters are not readable as UTF-8 form data") from error
        return cls.from_pairs(pairs)

    @classmethod
    def from_json(cls, body: bytes) -> "Params":
        """From a flat JSON object; members that are not strings are refused."""
        values = read_json_object(body)
        if not all(isinstance(value, str) for value in values.values()):
            raise InvalidRequest("every member of the JSON body must be a string")
        return cls.from_pairs(values.items())

    def get(self, name: str) -> str | None:
        """The parameter's value, or None when it is absent or empty."""
        return self.values.get(name)

    def within(self, name: str, limit: int) -> str | None:
        """The parameter's value or None; raises InvalidRequest when it has more than `limit` characters."""
        value = self.values.get(name)
        if value is not None and len(value) > limit:
            raise InvalidRequest(f"the parameter {name} is longer than {limit} characters")
        return value

    def require(self, name: str) -> str:
        """The parameter's value; raises InvalidRequest when it is absent or empty."""
        value = self.values.get(name)
        if value is None:
            raise InvalidRequest(f"the parameter {name} is missing")
        return value


def read_json_object(body: bytes) -> dict[str, Any]:
    """A JSON object without repeated members; raises InvalidRequest for anything else."""
    try:
        value = json.loads(body, object_pairs_hook=_unrepeated)
        check_unicode(value)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is not valid JSON") from error
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object")
    return value


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise InvalidRequest("a member of the JSON body is repeated")
    return values
