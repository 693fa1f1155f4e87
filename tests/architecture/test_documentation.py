"""The documents say what the code does."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import yaml

from auth_server.settings import AuthServerSettings
from auth_server.settings import load_settings as load_auth_server_settings
from authproxy_common.config import Loaded
from authproxy_common.records import generate_key
from mcp_gateway.settings import GatewaySettings
from mcp_gateway.settings import load_settings as load_gateway_settings
from mcp_gateway.tokens.signing_keys import generate_signing_key
from tests.architecture.sources import ROOT
from tests.support.client_keys import client_key

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
FILES: list[Any] = [
    pytest.param("oauth2_config.yaml", AuthServerSettings, load_auth_server_settings, id="oauth2_config.yaml"),
    pytest.param("mcp_gateway.yaml", GatewaySettings, load_gateway_settings, id="mcp_gateway.yaml"),
]
# What stands in several places is documented in one of them.
BLOCKS_OF = "servers.NAME.allow[]."


def keys(hint: Any, key: str = "") -> Iterator[str]:
    """The dotted keys of settings. NAME stands for what an operator names, `[]` for each block of a list of them."""
    for member in alternatives(hint):
        if is_dataclass(member):
            hints = get_type_hints(member)
            for field in fields(member):
                yield from keys(hints[field.name], f"{key}.{field.name}".removeprefix("."))
        elif get_origin(member) is dict:
            yield from keys(get_args(member)[1], f"{key}.NAME")
        elif get_origin(member) is tuple and is_dataclass(get_args(member)[0]):
            yield key
            yield from keys(get_args(member)[0], f"{key}[]")
        else:
            yield key.removesuffix(".NAME")


def written(hint: Any, value: Any, key: str = "") -> Iterator[str]:
    """Those of them that stand in a document."""
    member = next((each for each in alternatives(hint) if is_dataclass(each) == isinstance(value, Mapping)), hint)
    if is_dataclass(member):
        hints = get_type_hints(member)
        for name, each in value.items():
            yield from written(hints[name], each, f"{key}.{name}".removeprefix("."))
    elif get_origin(member) is dict:
        for each in value.values():
            yield from written(get_args(member)[1], each, f"{key}.NAME")
    elif get_origin(member) is tuple and is_dataclass(get_args(member)[0]):
        yield key
        for each in value if isinstance(value, list) else [value]:
            yield from written(get_args(member)[0], each, f"{key}[]")
    else:
        yield key.removesuffix(".NAME")


def alternatives(hint: Any) -> list[Any]:
    """The members of a choice, or what is none."""
    if get_origin(hint) in {tuple, dict} or not get_args(hint):
        return [hint]
    return [each for each in get_args(hint) if each is not type(None)]


def in_one_place(found: Iterator[str]) -> set[str]:
    once = {key for key in found if "[]" not in key or key.startswith(f"adapter_config.{BLOCKS_OF}")}
    return {key.removeprefix("adapter_config.").replace("[]", "") for key in once}


def section(heading: str) -> str:
    """What stands between the heading of a file and that of the next one."""
    return CONFIGURATION.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def documented(heading: str) -> set[str]:
    """The keys of the table of a file."""
    found = re.findall(r"^\| `([^`]+)` \|", section(heading).partition("\n### ")[0], re.MULTILINE)
    return {re.sub(r"\.(CLIENT_ID|PATTERN)\b", ".NAME", key) for key in found}


def example(heading: str) -> str:
    """The YAML in which every key of a file stands."""
    blocks = section(heading).partition(f"\n### {heading}, every key by example\n")[2]
    return blocks.partition("```yaml\n")[2].partition("\n```")[0]


@pytest.mark.requirement("CF-02")
@pytest.mark.parametrize(("heading", "settings", "_load"), FILES)
def test_every_setting_is_documented_and_nothing_else(heading: str, settings: Any, _load: Any) -> None:
    assert documented(heading) == in_one_place(keys(settings))


@pytest.mark.requirement("CF-02")
@pytest.mark.parametrize(("heading", "settings", "_load"), FILES)
def test_every_setting_has_an_example(heading: str, settings: Any, _load: Any) -> None:
    in_examples = in_one_place(written(settings, yaml.safe_load(example(heading))))
    assert in_one_place(keys(settings)) - in_examples == set()


@pytest.mark.requirement("CF-02", "CF-03")
@pytest.mark.parametrize(("heading", "_settings", "load"), FILES)
def test_the_examples_are_fit_for_production(
    heading: str, _settings: Any, load: Callable[[Path, Mapping[str, str]], Loaded[Any]], tmp_path: Path
) -> None:
    path = tmp_path / heading
    path.write_text(example(heading), encoding="utf-8")
    loaded = load(path, variables(example(heading)))
    assert loaded.warnings == ()


def variables(text: str) -> dict[str, str]:
    """A value for every variable that a document names."""
    special = {
        "REDIS_URL": "rediss://:secret@redis.test:6379/0",
        "OAUTH2_ENCRYPTION_KEYS": generate_key().reveal(),
        "MCP_ENCRYPTION_KEYS": generate_key().reveal(),
        "MCP_SIGNING_KEYS": generate_signing_key().reveal(),
        "AZURE_PRIVATE_KEY": client_key().pem,
        "AZURE_CERTIFICATE": client_key().certificate,
    }
    return {name: special.get(name, f"a-long-value-of-{name}") for name in re.findall(r"\$\{(\w+)", text)}


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
