"""Every promise of the deployment has its check."""

import ast
import re

import pytest

from scripts.manifests import ROOT
from tests.deploy.lint import RULES

pytestmark = pytest.mark.requirement("DP-02")

TEXT = (ROOT / "docs/deployment-checklist.md").read_text(encoding="utf-8")
ROWS = {int(number): cell for number, cell in re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", TEXT, re.MULTILINE)}
# Their files are named before they are written.
AWAITED = {"tests/deploy/test_images.py"}
_SHORT = {"M::": "tests/deploy/test_manifests.py::", "R/": "tests/deploy/running/"}
CHECKS = {number: re.findall(r"`([^`]+)`", cell) for number, cell in ROWS.items()}


def test_every_point_has_a_check() -> None:
    assert list(CHECKS) == list(range(1, 34))
    assert [number for number, checks in CHECKS.items() if not checks] == []


def test_every_rule_of_the_lint_is_of_its_point() -> None:
    rules = {(number, check) for number, checks in CHECKS.items() for check in checks if check.startswith("point_")}
    assert rules == {(int(rule.split("_")[1]), rule) for rule in RULES}


@pytest.mark.parametrize("number", CHECKS)
def test_every_test_that_is_named_is_there(number: int) -> None:
    for check in CHECKS[number]:
        path, _, name = at_length(check).partition("::")
        if not check.startswith("point_") and ((ROOT / path).exists() or path not in AWAITED):
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            tests = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
            assert name in tests if name else any(test.startswith("test_") for test in tests)


def at_length(check: str) -> str:
    """A check whose file is written as the table says that it can be."""
    for short, long in _SHORT.items():
        if check.startswith(short):
            return long + check.removeprefix(short)
    return check
