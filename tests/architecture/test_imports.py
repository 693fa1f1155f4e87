"""Layers import inward only, the services never each other, and each library has one home."""

import sys

import pytest

from tests.architecture.rules import AUTH, COMMON, GATEWAY, HOMES, MAY_IMPORT
from tests.architecture.sources import Module, is_within, modules

pytestmark = pytest.mark.requirement("CO-01")

OURS = (COMMON, AUTH, GATEWAY)
MODULES = [module for module in modules() if module.name not in OURS]


def layer_of(name: str) -> str:
    found = [layer for layer in MAY_IMPORT if is_within(name, layer)]
    assert found, f"{name} belongs to no layer; add it to the table"
    return max(found, key=len)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_imports_what_its_layer_may(module: Module) -> None:
    layer = layer_of(module.name)
    allowed = {layer, *MAY_IMPORT[layer]}
    imported = {name for name in module.imports() if name.partition(".")[0] in OURS}
    assert {name for name in imported if not any(is_within(name, each) for each in allowed)} == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_library_is_imported_at_home(module: Module) -> None:
    libraries = {name.partition(".")[0] for name in module.imports()} - set(OURS) - sys.stdlib_module_names
    strays = {
        library for library in libraries if not any(is_within(module.name, home) for home in HOMES.get(library, set()))
    }
    assert strays == set()


def test_the_services_do_not_know_each_other() -> None:
    for module in MODULES:
        service = module.name.partition(".")[0]
        others = {COMMON: {AUTH, GATEWAY}, AUTH: {GATEWAY}, GATEWAY: {AUTH}}[service]
        assert not {name for name in module.imports() if name.partition(".")[0] in others}, module.name


def test_the_tables_name_nothing_that_is_gone() -> None:
    names = {module.name for module in modules()}
    listed = {*MAY_IMPORT, *(home for homes in HOMES.values() for home in homes)}
    assert {name for name in listed if not any(is_within(existing, name) for existing in names)} == set()
