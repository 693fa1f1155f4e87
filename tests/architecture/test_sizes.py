"""Small rooms: modules, functions and endpoints within their sizes."""

import ast

import pytest

from tests.architecture.rules import ENDPOINT_LINES, FUNCTION_LINES, MODULE_LINES
from tests.architecture.sources import Module, modules

pytestmark = pytest.mark.requirement("CO-02")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def too_long(module: Module, limit: int, *, endpoints_only: bool = False) -> list[str]:
    functions = [node for node in ast.walk(module.tree) if isinstance(node, Function)]
    if endpoints_only:
        functions = [function for function in functions if is_endpoint(function)]
    return [f.name for f in functions if (f.end_lineno or 0) - f.lineno + 1 > limit]


def is_endpoint(function: Function) -> bool:
    """An async method that takes the request and answers with the response."""
    returns = ast.unparse(function.returns) if function.returns else ""
    return isinstance(function, ast.AsyncFunctionDef) and returns == "Response" and not function.name.startswith("_")


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_nothing_in_a_module_is_too_long(module: Module) -> None:
    assert module.lines <= MODULE_LINES
    assert too_long(module, FUNCTION_LINES) == []


@pytest.mark.parametrize("module", [m for m in modules() if ".endpoints." in m.name], ids=lambda module: module.name)
def test_an_endpoint_is_three_moves(module: Module) -> None:
    assert too_long(module, ENDPOINT_LINES, endpoints_only=True) == []


def test_the_measure_measures() -> None:
    long = Module("m", modules()[0].path, ast.parse("def f():\n" + "    pass\n" * 40), 41)
    assert too_long(long, FUNCTION_LINES) == ["f"]
    assert too_long(long, FUNCTION_LINES + 1) == []
