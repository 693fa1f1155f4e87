"""The project's modules, parsed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_SOURCES = ("packages/common/src", "services/auth_server/src", "services/mcp_gateway/src")


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path
    tree: ast.Module
    lines: int

    def imports(self) -> Iterator[str]:
        """The dotted names of the modules that it imports."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from (_imported(node.module, alias.name) for alias in node.names)


def modules() -> list[Module]:
    """Every module of the three packages."""
    return [_module(ROOT / source, path) for source in _SOURCES for path in sorted((ROOT / source).rglob("*.py"))]


def is_within(name: str, layer: str) -> bool:
    """Whether the module `name` is `layer` or below it."""
    return name == layer or name.startswith(f"{layer}.")


def _module(source: Path, path: Path) -> Module:
    parts = path.relative_to(source).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__")
    text = path.read_text(encoding="utf-8")
    return Module(name, path.relative_to(ROOT), ast.parse(text), len(text.splitlines()))


def _imported(module: str, name: str) -> str:
    """`from package import module` imports the module; `from module import name` the module too."""
    candidates = (ROOT / source / Path(*module.split("."), f"{name}.py") for source in _SOURCES)
    return f"{module}.{name}" if any(path.exists() for path in candidates) else module
