"""Frozen dataclasses from parsed YAML, by their annotations. A field has its key's name."""

import difflib
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin

from authproxy_common.config.problems import Problems
from authproxy_common.secret import Secret

T = TypeVar("T")

Check = Callable[[Any], str | None]
"""Says what is wrong with a value, or None."""

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_NEUTRAL: dict[type, Any] = {str: "", int: 0, bool: False, Secret: Secret("")}
_UNREADABLE = object()
_EMPTY = "is written down and names nothing: name something, or leave the key away"


def setting(default: Any = MISSING, *, check: Check | None = None, never_empty: bool = False) -> Any:
    """A field with a default and a check of its own.

    Where `never_empty`, the key may be left away but not left empty: what keeps people out must not let everybody in
    because a variable was unset.
    """
    metadata = {"check": check, "never_empty": never_empty}
    if isinstance(default, dict):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


def read(cls: type[T], node: Any, key: str, problems: Problems) -> T:
    """An instance of the dataclass `cls` from the mapping `node`.

    What cannot be read is a problem, and a neutral value stands in for it, so that everything else is still looked at.
    A class may have a method `inconsistencies()` that yields (key, message) for what concerns several fields. What has
    no key concerns the whole, and is left unsaid where something within is wrong already.
    """
    if not isinstance(node, Mapping):
        problems.add(key, "must be a mapping of keys to values")
        node = {}
    _refuse_unknown(cls, node, key, problems)
    hints = typing.get_type_hints(cls)
    values = {f.name: _field(f, hints[f.name], node, _join(key, f.name), problems) for f in _fields(cls)}
    instance = cls(**values)
    inconsistencies: Callable[[], Iterator[tuple[str, str]]] | None = getattr(instance, "inconsistencies", None)
    if inconsistencies:
        is_fine = not any(found.startswith(f"{key}.") for found in problems.found)
        for subkey, message in inconsistencies():
            if subkey or is_fine:
                problems.add(_join(key, subkey), message)
    return instance


def _refuse_unknown(cls: type, node: Mapping[Any, Any], key: str, problems: Problems) -> None:
    known = [f.name for f in _fields(cls)]
    for name in node.keys() - set(known):
        near = difflib.get_close_matches(str(name), known, n=1)
        problems.add(_join(key, str(name)), f"unknown key{f'; did you mean {near[0]}?' if near else ''}")


def _field(f: Field[Any], hint: Any, node: Mapping[Any, Any], key: str, problems: Problems) -> Any:
    value = node.get(f.name)
    if value is None or value == "":
        if f.name in node and f.metadata.get("never_empty"):
            problems.add(key, _EMPTY)
        if f.default is not MISSING:
            return f.default
        if f.default_factory is not MISSING:
            return f.default_factory()
        if is_dataclass(hint):
            return read(typing.cast("type[Any]", hint), {}, key, problems)
        problems.add(key, "is missing")
        return _NEUTRAL.get(hint, ())
    converted = _convert(hint, value, key, problems)
    if f.metadata.get("never_empty") and converted in ((), {}):
        problems.add(key, _EMPTY)
    return _checked(f.metadata.get("check"), converted, key, problems)


def _checked(check: Check | None, value: Any, key: str, problems: Problems) -> Any:
    if key not in problems.found and check and (message := check(value)):
        problems.add(key, message)
    return value


def _convert(hint: Any, value: Any, key: str, problems: Problems) -> Any:
    if get_origin(hint) in {typing.Union, types.UnionType}:
        hint = _member(hint, value)
    if is_dataclass(hint):
        return read(typing.cast("type[Any]", hint), value, key, problems)
    if get_origin(hint) is tuple:
        return _sequence(get_args(hint)[0], value, key, problems)
    if get_origin(hint) is dict:
        return _mapping(get_args(hint)[1], value, key, problems)
    converted = _SCALARS[hint][0](value)
    if converted is _UNREADABLE:
        problems.add(key, f"must be {_SCALARS[hint][1]}")
        return _NEUTRAL[hint]
    return converted


def _member(union: Any, value: Any) -> Any:
    """Of a choice, a dataclass where a mapping is written, else the other one."""
    members = [member for member in get_args(union) if member is not type(None)]
    return next((member for member in members if is_dataclass(member) == isinstance(value, Mapping)), members[0])


def _sequence(member: Any, value: Any, key: str, problems: Problems) -> tuple[Any, ...]:
    """A YAML list; a mapping alone where it is one of mappings; or the words of a string, as a variable can hold."""
    if is_dataclass(member) and isinstance(value, Mapping):
        return (_convert(member, value, key, problems),)
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if not isinstance(value, list):
        problems.add(key, "must be a list")
        return ()
    return tuple(_convert(member, v, f"{key}[{i}]", problems) for i, v in enumerate(value) if v is not None and v != "")


def _mapping(member: Any, value: Any, key: str, problems: Problems) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        problems.add(key, "must be a mapping of names to values")
        return {}
    return {str(name): _convert(member, v, _join(key, str(name)), problems) for name, v in value.items()}


def _text(value: Any) -> Any:
    # Nothing but text: YAML has made 7 of 007 and 45296 of 12:34:56 before we see it.
    return value if isinstance(value, str) else _UNREADABLE


def _secret(value: Any) -> Any:
    text = _text(value)
    return text if text is _UNREADABLE else Secret(text)


def _integer(value: Any) -> Any:
    try:
        return int(value) if isinstance(value, str | int) and not isinstance(value, bool) else _UNREADABLE
    except ValueError:
        return _UNREADABLE


def _boolean(value: Any) -> Any:
    word = str(value).lower()
    return True if word in _TRUE else False if word in _FALSE else _UNREADABLE


_SCALARS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    str: (_text, "text; put it in quotes"),
    Secret: (_secret, "text; put it in quotes"),
    int: (_integer, "a whole number"),
    bool: (_boolean, "true or false"),
    Any: (lambda value: value, "anything"),
}


def _fields(cls: type) -> tuple[Field[Any], ...]:
    return fields(cls)


def _join(key: str, name: str) -> str:
    return ".".join(part for part in (key, name) if part)
