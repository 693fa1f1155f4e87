"""`make requirements`: the rows of docs/requirements.md that no test carries."""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_ROW = re.compile(r"^\| (?P<id>[A-Z]{2}-\d\d) \| (?P<level>[MS]) \| (?P<text>.+?) \|", re.MULTILINE)


def rows() -> dict[str, str]:
    """Every row's text, by its id."""
    found = _ROW.finditer((ROOT / "docs/requirements.md").read_text(encoding="utf-8"))
    return {row["id"]: f"{row['level']}  {row['text']}" for row in found}


def carried() -> dict[str, list[str]]:
    """The test files that carry each id."""
    files: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for requirement in _marks(ast.parse(path.read_text(encoding="utf-8"))):
            files.setdefault(requirement, []).append(str(path.relative_to(ROOT)))
    return files


def _marks(tree: ast.AST) -> set[str]:
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "pytest.mark.requirement")
    return {str(ast.literal_eval(argument)) for call in calls for argument in call.args}


def main() -> None:
    known, proven = rows(), carried()
    unproven = [f"{name}  {text}" for name, text in known.items() if name not in proven]
    print("\n".join(unproven) or "every row has a test")
    print(f"\n{len(known) - len(unproven)} of {len(known)} rows have a test", file=sys.stderr)


if __name__ == "__main__":
    main()
