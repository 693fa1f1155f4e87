"""`make storage-schema`: docs/storage-schema.md, from the collections that both services declare and their records."""

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import Field, dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from auth_server.collections import Collections as AuthServerCollections
from auth_server.settings import AuthServerSettings
from authproxy_common.records import Collection, SealingKeys, generate_key, open_store
from authproxy_common.records.described import description_of
from authproxy_common.records.slots import Slots
from authproxy_common.secret import Secret
from mcp_gateway.collections import Collections as GatewayCollections
from mcp_gateway.settings import AdapterSettings

PATH = Path(__file__).resolve().parent.parent / "docs/storage-schema.md"

_ENTRY = re.compile(r"^    (?P<names>\w+(?:, \w+)*): (?P<text>.+)$")
_UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))

_HEAD = """\
# What is stored

Made by `make storage-schema` from the code: `collections.py` of each service, and the records that they name.

A key is `service:kind:` and the SHA-256 of what the tables call *key*, so that no bearer value is in the store. A
value begins with the version of its record's shape; a value of another version counts as absent. Every write carries
its lifetime. *Sealed* means AES-256-GCM under `encryption_keys`, bound to the very key that the value is stored at:
moved to another key it does not open. Lifetimes in parentheses are those of the settings as they ship.

There are four verbs: `put` writes, `get` reads, `take` hands out once, `claim` writes unless somebody has, and tells
who was first. Each is one command of Redis on one key.
"""

_TAIL = """\
## Beside collections

- **Counts of rate limits**, at `SERVICE:limit:LIMITER/` with the limit's name, the digest of an address, or of a
  gateway's name, and the rate: how often in this window, for as long as it lasts. They are counted by a script
  (`EVAL`), the only one.
- **Generated keys**, in development where none is configured, at `SERVICE:development-key:` and
  `mcp-gateway:development-signing-key:`: a key as it is, for a year, claimed at the first start.
- **What `doctor` tries**, at `SERVICE:doctor:` with the digest of a random value: another one, for a minute.

## Not stored

- Registrations are in the `client_id`, the endpoint of a session is a tag in the session's id, access tokens are
  signed, refresh tokens are derived from their grant.
- What a provider said about an access token of its own is kept for `validation_cache_seconds`, by the token's digest,
  in the memory of the replica that asked. So are verified access tokens, by digest, and what was made for them:
  assertions of who calls, and opened tokens of the provider.
"""


@dataclass(frozen=True)
class Kept:
    """A collection, as a service declares and builds it.

    Args:
        field: Its declaration.
        collection: As built.
    """

    field: "Field[Any]"
    collection: Collection[Any]

    def row(self) -> str:
        """Its line of the table."""
        said, record = description_of(self.field.metadata), self.collection.record
        lifetime = said.lifetime.format(ttl=in_words(self.collection.ttl))
        sealed = "sealed" if self.collection.keys else "as it is"
        cells = f"`{self.collection.name}:`", said.key, _link(record), lifetime, sealed, said.written, said.used
        return f"| {' | '.join(cells)} |"


def schema() -> str:
    """The whole document."""
    auth_server, gateway = of_both_services()
    return "\n".join(
        [
            _HEAD,
            *_tables("Auth server", auth_server),
            *_tables("MCP gateway", gateway),
            *_records([*auth_server, *gateway]),
            _TAIL.rstrip("\n"),
            "",
        ]
    )


def of_both_services() -> tuple[list[Kept], list[Kept]]:
    """What the auth server keeps, and what the gateway does, with the settings as they ship."""
    store, keys = open_store(Secret("memory://")), SealingKeys([generate_key()])
    auth_server = AuthServerCollections.of(AuthServerSettings(), store, keys)
    return _kept(auth_server), _kept(GatewayCollections.of(AdapterSettings(servers={}), store, keys))


def in_words(duration: timedelta) -> str:
    """The duration, in the units that it has."""
    parts, left = [], duration
    for name, unit in _UNITS:
        count, left = divmod(left, unit)
        if count:
            parts.append(f"{count} {name}{'s' if count > 1 else ''}")
    if left:
        parts.append(f"{left.total_seconds():g} seconds")
    return " ".join(parts)


def with_members(record: type) -> dict[str, type]:
    """The record, and the records within it, by name."""
    found = {record.__name__: record}
    for hint in get_type_hints(record).values():
        for member in (hint, *get_args(hint)):
            if is_dataclass(member):
                found |= with_members(member)  # type: ignore[arg-type]  # of the two, it is the class
    return found


def _kept(collections: Any) -> list[Kept]:
    built = ((field, getattr(collections, field.name)) for field in fields(collections))
    return [Kept(field, each.collection if isinstance(each, Slots) else each) for field, each in built]


def _tables(service: str, kept: Iterable[Kept]) -> Iterator[str]:
    yield f"## {service}\n"
    yield "| where | key | record | lifetime | value | written | used |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    yield from (each.row() for each in kept)
    yield ""


def _records(kept: Iterable[Kept]) -> Iterator[str]:
    yield "## Records\n"
    yield "What is secret stands in sealed values alone, and is shown by nothing."
    seen: dict[str, type] = {}
    for each in kept:
        seen |= with_members(each.collection.record)
    for name in sorted(seen):
        yield from _record(seen[name])
    yield ""


def _record(record: type) -> Iterator[str]:
    summary, described = _said_of(record)
    hints = get_type_hints(record)
    yield f"\n### {record.__name__}\n\n{summary}"
    if hints:
        yield "\n| field | | |\n| --- | --- | --- |"
    for name in (field.name for field in fields(record)):
        yield f"| `{name}` | {_in_words(hints[name])} | {described[name]} |"


def _said_of(record: type) -> tuple[str, dict[str, str]]:
    """What a record's docstring says of it, and of each of its fields."""
    summary, _, arguments = (inspect.getdoc(record) or "").partition("\n\nArgs:\n")
    described: dict[str, str] = {}
    names: list[str] = []
    for line in arguments.splitlines():
        if entry := _ENTRY.match(line):
            names = entry["names"].split(", ")
            described |= dict.fromkeys(names, entry["text"])
        else:
            described |= {name: f"{described[name]} {line.strip()}" for name in names}
    return " ".join(summary.split()), described


def _in_words(hint: Any) -> str:
    members = [member for member in get_args(hint) if member is not NoneType]
    if get_origin(hint) in {Union, UnionType}:
        return f"{_in_words(members[0])}, or nothing"
    if get_origin(hint) is tuple:
        return f"list of {_in_words(members[0])}"
    if get_origin(hint) is dict:
        return "JSON object"
    return _link(hint) if is_dataclass(hint) else _WORDS[hint]


_WORDS = {str: "text", Secret: "**secret**", bool: "yes or no", int: "number", datetime: "time"}


def _link(record: Any) -> str:
    return f"[{record.__name__}](#{record.__name__.lower()})"


def main() -> None:
    PATH.write_text(schema(), encoding="utf-8")
    print(PATH.name)


if __name__ == "__main__":
    main()
