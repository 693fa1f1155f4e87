"""One configuration file: read strictly, reported whole, and no value of it repeated."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from authproxy_common.config import SettingsError, load, setting
from authproxy_common.config.document import Loaded
from authproxy_common.secret import Secret

pytestmark = pytest.mark.requirement("CF-02")


@dataclass(frozen=True, slots=True)
class Provider:
    client_id: str
    client_secret: Secret
    scope: str = setting("openid")


@dataclass(frozen=True, slots=True)
class Document:
    name: str = setting("unnamed")
    key: Secret = setting(Secret(""))
    providers: dict[str, Provider] = setting({})


@dataclass(frozen=True, slots=True)
class Server:
    port: int = setting(0)
    hosts: tuple[str, ...] = setting(())

    def inconsistencies(self) -> Iterator[tuple[str, str]]:
        yield from ((f"hosts[{index}]", "is no host") for index, host in enumerate(self.hosts) if host == "-")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def loaded(file: Path, text: str, **variables: str) -> Loaded[Document]:
    file.write_text(text, encoding="utf-8")
    return load(Document, file, variables, optional_blocks="providers")


def refused(file: Path, text: str, **variables: str) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(file, text, **variables)
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    return str(caught.value).replace(str(file), "FILE")


@pytest.mark.requirement("CF-01")
def test_a_file_becomes_settings_with_its_variables_replaced(file: Path) -> None:
    settings = loaded(file, "name: ${NAME}\nkey: ${KEY, k}\n", NAME="gateway").settings

    assert settings == Document("gateway", Secret("k"))


def test_an_empty_file_has_every_default(file: Path) -> None:
    assert loaded(file, "# nothing yet\n") == Loaded(Document(), ())


def test_unset_variables_unknown_keys_and_missing_values_are_reported_together(file: Path) -> None:
    text = "nmae: x\nkey: ${KEY}\nproviders:\n  azure:\n    client_id: ${ID, }\n    client_secret: {a: b}\n"

    assert sorted(refused(file, text).splitlines()) == [
        "FILE: key: the environment variable KEY is not set, nor KEY_FILE, and there is no default",
        "FILE: nmae: unknown key; did you mean name?",
        "FILE: providers.azure.client_id: is missing (set by ID)",
        "FILE: providers.azure.client_secret: must be text; put it in quotes",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("port: ${PORT}\n", "port: must be a whole number (set by PORT)", id="a variable"),
        pytest.param("port: ${PORT}${REST, }\n", "port: must be a whole number (set by PORT and REST)", id="two"),
        pytest.param("hosts: ${HOSTS}\n", "hosts[1]: is no host (set by HOSTS)", id="a word of a variable"),
        pytest.param("hosts: [a, '${HOST}']\n", "hosts[1]: is no host (set by HOST)", id="a variable in a list"),
        pytest.param("port: many\n", "port: must be a whole number", id="no variable"),
    ],
)
def test_a_problem_names_the_variables_that_the_value_comes_from(file: Path, text: str, problem: str) -> None:
    file.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        load(Server, file, {"PORT": "many", "HOSTS": "a -", "HOST": "-"})
    assert str(caught.value) == f"{file}: {problem}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("name: a\nname: b\n", "line 2: not valid YAML: the key name is repeated", id="at the top"),
        pytest.param("providers:\n  a: {}\n  a: {}\n", "line 3: not valid YAML: the key a is repeated", id="nested"),
        pytest.param("name: a\n'name': b\n", "line 2: not valid YAML: the key name is repeated", id="quoted"),
    ],
)
def test_a_repeated_key_is_refused(file: Path, text: str, message: str) -> None:
    assert refused(file, text) == f"FILE: {message}"


def test_a_merged_mapping_whose_keys_are_overridden_is_not_a_repetition(file: Path) -> None:
    text = """
    providers:
      one: &one {client_id: a, client_secret: s}
      two: {<<: *one, client_id: b}
      three: {<<: {client_id: c, client_secret: t, scope: x}, scope: y}
    """

    providers = loaded(file, text).settings.providers

    assert [providers[name].client_id for name in ("one", "two", "three")] == ["a", "b", "c"]
    assert providers["three"].scope == "y"


def test_a_merge_of_a_merge_further_down_is_not_a_repetition(file: Path) -> None:
    text = """
    templates:
      shared:
        deep: &deep {<<: {client_id: a, client_secret: s}, client_id: b}
    providers:
      one: {<<: *deep}
    """

    assert refused(file, text) == "FILE: templates: unknown key"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("name: [a\n", id="unbalanced"),
        pytest.param("name: a\n\tkey: b\n", id="tab"),
        pytest.param("name: \x00\n", id="NUL"),
        pytest.param("? [a]\n: b\n", id="a list as key"),
        pytest.param("? {a: b}\n: c\n", id="a mapping as key"),
        pytest.param("name: 2026-13-45\n", id="date that does not exist"),
        pytest.param("name: !!int abc\n", id="tag that does not fit"),
        pytest.param("name: !!bool abc\n", id="boolean tag that does not fit"),
        pytest.param("name: !!python/object/apply:os.getcwd []\n", id="object tag"),
        pytest.param("name: &a [*a]\n", id="list within itself"),
        pytest.param("false\n", id="a boolean"),
        pytest.param("[]\n", id="an empty list"),
        pytest.param("text\n", id="a text"),
    ],
)
def test_what_cannot_be_read_is_a_problem_of_the_file(file: Path, text: str) -> None:
    assert refused(file, text).startswith("FILE: ")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda file: None, id="absent"),
        pytest.param(lambda file: file.mkdir(), id="directory"),
        pytest.param(lambda file: file.write_bytes(b"name: \xff\n"), id="not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem_that_names_it(file: Path, make: object) -> None:
    assert callable(make)
    make(file)

    with pytest.raises(SettingsError, match=r"settings\.yaml: cannot be read \([A-Za-z]+\)$"):
        load(Document, file, os.environ)


@pytest.mark.requirement("OP-02")
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("*hunter2", id="begins with a star"),
        pytest.param("!hunter2", id="begins with an exclamation mark"),
        pytest.param("!hunter2!x y", id="tag handle"),
        pytest.param("@hunter2", id="begins with an at sign"),
        pytest.param("%hunter2", id="begins with a percent sign"),
        pytest.param("|hunter2", id="begins with a bar"),
        pytest.param('"\\hunter2"', id="broken escape"),
        pytest.param("'hunter2", id="unbalanced quote"),
        pytest.param("hunter2: x", id="colon"),
        pytest.param("[hunter2", id="unbalanced bracket"),
        pytest.param("[hunter2]", id="list"),
    ],
)
def test_no_message_repeats_what_stands_at_a_key(file: Path, value: str) -> None:
    assert "hunter2" not in refused(file, f"name: x\nkey: {value}\n")


@pytest.mark.requirement("CF-04")
class TestOptionalBlocks:
    TEXT = """
    providers:
      azure: {client_id: "${AZURE_ID}", client_secret: "${AZURE_SECRET}"}
      okta: {client_id: "${OKTA_ID}", client_secret: "${OKTA_SECRET}", scope: "${OKTA_SCOPE, openid}"}
    """

    def test_a_provider_whose_variables_are_all_unset_is_left_out_with_a_warning(self, file: Path) -> None:
        found = loaded(file, self.TEXT, AZURE_ID="a", AZURE_SECRET="s", OKTA_SCOPE="set")

        assert list(found.settings.providers) == ["azure"]
        assert [str(warning).replace(str(file), "FILE") for warning in found.warnings] == [
            "FILE: providers.okta: left out: none of OKTA_ID, OKTA_SECRET is set"
        ]

    def test_a_provider_with_only_some_of_its_variables_is_refused(self, file: Path) -> None:
        message = refused(file, self.TEXT, AZURE_ID="a")

        assert "FILE: providers.azure.client_secret: the environment variable AZURE_SECRET is not set" in message
        assert "okta" not in message

    def test_a_mounted_file_counts_as_set(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "id").write_text("from file", encoding="utf-8")

        found = loaded(file, self.TEXT, OKTA_ID_FILE=str(tmp_path / "id"), OKTA_SECRET="s")

        assert found.settings.providers["okta"].client_id == "from file"

    def test_a_provider_without_variables_always_stays(self, file: Path) -> None:
        text = "providers:\n  fixed: {client_id: a, client_secret: b}\n"

        assert list(loaded(file, text).settings.providers) == ["fixed"]
