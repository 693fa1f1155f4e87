"""`${NAME}`, `${NAME, default}` and `${NAME:default}` in parsed values, never in the YAML text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authproxy_common.config.problems import Problems

_REFERENCE = re.compile(r"\$\{\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?:[,:](?P<default>[^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Environment:
    """The process environment as configuration sees it: an empty variable counts as unset."""

    variables: Mapping[str, str]

    def find(self, name: str) -> str | None:
        """The variable's value, else the content of the file that `NAME_FILE` names (mounted secrets), else None.

        Raises:
            OSError: `NAME_FILE` is set and its file cannot be read.
        """
        if value := self.variables.get(name):
            return value
        if path := self.variables.get(f"{name}_FILE"):
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
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


def _substitute_text(text: str, environment: Environment, problems: Problems, key: str) -> str | None:
    failed = False

    def replacement(reference: re.Match[str]) -> str:
        nonlocal failed
        name, default = reference["name"], reference["default"]
        try:
            value = environment.find(name)
        except (OSError, UnicodeDecodeError) as error:
            problems.add(key, f"the file that {name}_FILE names cannot be read ({type(error).__name__})")
            failed = True
            return ""
        if value is None and default is None:
            problems.add(key, f"the environment variable {name} is not set and has no default")
            failed = True
        return value if value is not None else (default or "").strip()

    replaced = _REFERENCE.sub(replacement, text)
    return None if failed else replaced
