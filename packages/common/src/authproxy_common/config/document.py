"""One configuration file, from its path to settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml

from authproxy_common.config.problems import Problem, Problems, SettingsError
from authproxy_common.config.reader import read
from authproxy_common.config.substitution import Environment, required_variables, substitute, variables_by_key
from authproxy_common.frozen import frozen

T = TypeVar("T")


@frozen
class Loaded(Generic[T]):
    """Settings, and what the operator should hear about them."""

    settings: T
    warnings: tuple[Problem, ...]


def load(cls: type[T], path: Path, variables: Mapping[str, str], *, optional_blocks: str | None = None) -> Loaded[T]:
    """Read the file at `path` into the settings dataclass `cls`.

    Args:
        cls: See `reader.read`.
        path: A YAML file, UTF-8.
        variables: Usually `os.environ`.
        optional_blocks: The top-level key whose entries are left out, with a warning, while every variable that
            they need is unset; so one file can list many.

    Raises:
        SettingsError: With every problem there is.
    """
    problems, warnings = Problems(str(path)), Problems(str(path))
    environment = Environment(variables)
    tree = _parse(path, problems)
    if problems.found:
        raise SettingsError(list(problems))
    try:
        if optional_blocks:
            _leave_out_unset(tree, optional_blocks, environment, warnings)
        sources = dict(variables_by_key(tree))
        tree = substitute(tree, environment, problems)
    except RecursionError:
        raise SettingsError([Problem(str(path), "", "a value contains itself")]) from None
    settings = read(cls, {} if tree is None else tree, "", problems)
    if problems.found:
        raise SettingsError([_traced(problem, sources) for problem in problems])
    return Loaded(settings, tuple(warnings))


def _parse(path: Path, problems: Problems) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UnrepeatedKeys)  # noqa: S506  # a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        problems.add("", f"cannot be read ({type(error).__name__})")
    except yaml.MarkedYAMLError as error:
        # The library's own message would quote the line, and the line may hold a secret.
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        reason = error.problem or error.context or ""
        if not isinstance(error, yaml.scanner.ScannerError):
            # The other errors quote an alias or a tag, which is what a value with such a first character is taken for.
            reason = reason.partition(" '")[0]
        problems.add("", f"{line}not valid YAML: {reason}")
    except (yaml.YAMLError, ValueError, LookupError, AttributeError):
        problems.add("", "not valid YAML")
    return None


def _leave_out_unset(tree: Any, block: str, environment: Environment, warnings: Problems) -> None:
    entries = tree.get(block) if isinstance(tree, dict) else None
    if not isinstance(entries, dict):
        return
    for name, entry in list(entries.items()):
        required = sorted(set(required_variables(entry)))
        if required and not any(environment.is_set(variable) for variable in required):
            warnings.add(f"{block}.{name}", f"left out: none of {', '.join(required)} is set")
            del entries[name]


def _traced(problem: Problem, sources: Mapping[str, Sequence[str]]) -> Problem:
    """The problem, with the variables that its value comes from: it is those that an operator sets."""
    # Of a list that is one variable's words, the variable is known by the list's own key.
    names = sources.get(problem.key) or sources.get(problem.key.rpartition("[")[0], ())
    unnamed = [name for name in names if name not in problem.message]
    return replace(problem, message=f"{problem.message} (set by {' and '.join(unnamed)})") if unnamed else problem


class _UnrepeatedKeys(yaml.SafeLoader):
    """YAML whose mappings have each key once; the standard loader silently keeps the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Here and not where mappings are constructed: by then merging may have put keys in twice.
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.composer.ComposerError(problem="a key is not text", problem_mark=key_node.start_mark)
            if key_node.value in seen:
                raise yaml.composer.ComposerError(
                    problem=f"the key {key_node.value} is repeated", problem_mark=key_node.start_mark
                )
            seen.add(key_node.value)
        return node
