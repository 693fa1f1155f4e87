"""The documents say what the code does."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from auth_server.settings import AuthServerSettings
from mcp_gateway.settings import GatewaySettings
from tests.architecture.sources import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def keys(cls: Any, prefix: str = "") -> set[str]:
    """The dotted keys of a settings dataclass; NAME stands for what an operator names."""
    found: set[str] = set()
    for field in fields(cls):
        hint, key = get_type_hints(cls)[field.name], f"{prefix}{field.name}"
        if get_origin(hint) is dict and is_dataclass(get_args(hint)[1]):
            found |= keys(get_args(hint)[1], f"{key}.NAME.")
        elif is_dataclass(hint):
            found |= keys(hint, f"{key}.")
        else:
            found.add(key)
    return found


def documented(heading: str) -> set[str]:
    """The keys of the first table below a heading."""
    section = CONFIGURATION.split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


@pytest.mark.requirement("CF-02")
@pytest.mark.parametrize(
    ("heading", "settings"), [("oauth2_config.yaml", AuthServerSettings), ("mcp_gateway.yaml", GatewaySettings)]
)
def test_every_setting_is_documented_and_nothing_else(heading: str, settings: Any) -> None:
    expected = {key.removeprefix("adapter_config.") for key in keys(settings)}
    assert {key.replace(".CLIENT_ID.", ".NAME.") for key in documented(heading)} == expected


@pytest.mark.requirement("CO-04")
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)\s]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not leads_somewhere(path, target)] == []


def leads_somewhere(document: Path, target: str) -> bool:
    """Whether there is such a file, and in it such a heading."""
    name, _, anchor = target.partition("#")
    path = document.parent / name if name else document
    return path.exists() and (not anchor or anchor in anchors(path.read_text(encoding="utf-8")))


def anchors(text: str) -> set[str]:
    """What headings are called in links."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
