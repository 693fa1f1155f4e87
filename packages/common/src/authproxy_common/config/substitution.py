"""`${NAME}`, `${NAME, default}` and `${NAME:default}` in parsed values, never in the YAML text."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from authproxy_common.config.problems import Problems
from authproxy_common.frozen import frozen

_REFERENCE = re.compile(r"\$\{\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?:[,:](?P<default>[^}]*))?\}")
# Where the secret itself was set in place of the path to it, it looks otherwise: base64 of a key ends with `=`.
_PATH = re.compile(r"(/[A-Za-z0-9._-]+){2,}")


class UnusableFile(Exception):
    """The file that stands in for a variable holds no value. The message says why, and which file that is."""


@frozen
class Environment:
    """The process environment as configuration sees it: an empty variable counts as unset."""

    variables: Mapping[str, str]

    def find(self, name: str) -> str | None:
        """The variable's value, else the content of the file that `NAME_FILE` names (mounted secrets), else None.

        Raises:
            UnusableFile: `NAME_FILE` is set, and its file cannot be read or is empty.
        """
        if value := self.variables.get(name):
            return value
        if path := self.variables.get(f"{name}_FILE"):
            return _content(path, f"{name}_FILE")
        return None

    def is_set(self, name: str) -> bool:
        """Whether the variable, or the file variable that stands in for it, is set."""
        return bool(self.variables.get(name) or self.variables.get(f"{name}_FILE"))


def substitute(node: Any, environment: Environment, problems: Problems, key: str = "") -> Any:
    """`node` with every reference replaced; what cannot be replaced is a problem and becomes None."""
    match node:
        case dict():
            return {k: substitute(v, environment, problems, f"{key}.{k}".lstrip(".")) for k, v in node.items()}
        case list():
            return [substitute(v, environment, problems, f"{key}[{i}]") for i, v in enumerate(node)]
        case str():
            return _substitute_text(node, environment, problems, key)
        case _:
            return node


def required_variables(node: Any) -> Iterator[str]:
    """The variables below `node` that have no default."""
    match node:
        case dict():
            for value in node.values():
                yield from required_variables(value)
        case list():
            for value in node:
                yield from required_variables(value)
        case str():
            yield from (m["name"] for m in _REFERENCE.finditer(node) if m["default"] is None)


def variables_by_key(node: Any, key: str = "") -> Iterator[tuple[str, list[str]]]:
    """The keys below `node` whose values have references, each with the variables that those name."""
    match node:
        case dict():
            for name, value in node.items():
                yield from variables_by_key(value, f"{key}.{name}".lstrip("."))
        case list():
            for index, value in enumerate(node):
                yield from variables_by_key(value, f"{key}[{index}]")
        case str() if names := [reference["name"] for reference in _REFERENCE.finditer(node)]:
            yield key, names


def _content(path: str, variable: str) -> str:
    named = f"the file {path}, which {variable} names," if _PATH.fullmatch(path) else f"the file that {variable} names"
    try:
        content = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UnusableFile(f"{named} is not UTF-8 text") from error
    except OSError as error:
        raise UnusableFile(f"{named} cannot be read: {error.strerror}") from error
    if not content:
        raise UnusableFile(f"{named} is empty")
    return content


def _substitute_text(text: str, environment: Environment, problems: Problems, key: str) -> str | None:
    failed = False

    def replacement(reference: re.Match[str]) -> str:
        nonlocal failed
        name, default = reference["name"], reference["default"]
        try:
            value = environment.find(name)
        except UnusableFile as error:
            problems.add(key, str(error))
            failed = True
            return ""
        if value is None and default is None:
            problems.add(key, f"the environment variable {name} is not set, nor {name}_FILE, and there is no default")
            failed = True
        return value if value is not None else (default or "").strip()

    replaced = _REFERENCE.sub(replacement, text)
    return None if failed else replaced
