"""What is wrong with a configuration, each with file and key. Values are never repeated: they may be secrets."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from authproxy_common.frozen import frozen


@frozen
class Problem:
    """One thing to mend.

    Args:
        file: The file as the operator named it.
        key: Dotted path to the key; empty when the file as a whole is meant.
        message: What is wrong, and what would be right.
    """

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.message) if part)


class SettingsError(Exception):
    """A configuration that cannot be used, with all of its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(slots=True)
class Problems:
    """The problems of one file, as they are found; the first one of a key stands for all of that key's."""

    file: str
    found: dict[str, Problem] = field(default_factory=dict)

    def add(self, key: str, message: str) -> None:
        """Note that `key` has a problem."""
        self.found.setdefault(key, Problem(self.file, key, message))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.found.values())
