"""`${NAME}` in configuration: what it becomes, and what is said when it can become nothing."""

from pathlib import Path

import pytest

from authproxy_common.config.problems import Problems
from authproxy_common.config.substitution import Environment, required_variables, substitute

pytestmark = pytest.mark.requirement("CF-01")


def substituted(node: object, **variables: str) -> object:
    problems = Problems("file.yaml")
    result = substitute(node, Environment(variables), problems)
    assert not problems.found
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("${HOST}", "mcp.test", id="name"),
        pytest.param("${ HOST }", "mcp.test", id="name with spaces"),
        pytest.param("${HOST, other.test}", "mcp.test", id="set variable wins over a comma default"),
        pytest.param("${HOST:other.test}", "mcp.test", id="set variable wins over a colon default"),
        pytest.param("${UNSET, other.test}", "other.test", id="comma default"),
        pytest.param("${UNSET:other.test}", "other.test", id="colon default"),
        pytest.param("${UNSET, http://localhost:8080/a,b}", "http://localhost:8080/a,b", id="default with colons"),
        pytest.param("${UNSET, }", "", id="empty default"),
        pytest.param("${UNSET:}", "", id="empty colon default"),
        pytest.param("${EMPTY, other.test}", "other.test", id="an empty variable counts as unset"),
        pytest.param("https://${HOST}:${PORT, 443}/", "https://mcp.test:443/", id="several in one text"),
        pytest.param("$HOST and {HOST}", "$HOST and {HOST}", id="nothing else is a reference"),
    ],
)
def test_a_reference_becomes_its_variable_or_its_default(text: str, expected: str) -> None:
    assert substituted(text, HOST="mcp.test", EMPTY="") == expected


def test_references_are_replaced_at_any_depth_and_other_values_stay() -> None:
    tree = {"a": [{"b": "${X}"}, 7], "c": True, "d": None}

    assert substituted(tree, X="x") == {"a": [{"b": "x"}, 7], "c": True, "d": None}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("${OTHER}", id="reference"),
        pytest.param("a: b\nc: [d]", id="YAML"),
        pytest.param("\\1 \\g<name>", id="regular expression"),
    ],
)
def test_a_variable_is_taken_as_it_is_and_never_read_again(value: str) -> None:
    assert substituted("${X}", X=value, OTHER="o") == value


def test_a_mounted_secret_file_stands_in_for_its_variable(tmp_path: Path) -> None:
    mounted = tmp_path / "secret"
    mounted.write_text("  from the file \r\n", encoding="utf-8")

    assert substituted("${KEY}", KEY_FILE=str(mounted)) == "  from the file "


def test_the_variable_itself_wins_over_its_file(tmp_path: Path) -> None:
    assert substituted("${KEY}", KEY="direct", KEY_FILE=str(tmp_path / "absent")) == "direct"


def test_a_mounted_file_wins_over_the_default(tmp_path: Path) -> None:
    mounted = tmp_path / "secret"
    mounted.write_text("from the file", encoding="utf-8")

    assert substituted("${KEY, default}", KEY_FILE=str(mounted)) == "from the file"


def test_a_file_that_cannot_be_read_is_a_problem_and_not_the_default(tmp_path: Path) -> None:
    problems = Problems("file.yaml")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    environment = Environment({"A_FILE": str(tmp_path / "absent"), "B_FILE": str(binary)})

    assert substitute({"a": "${A, x}", "b": "${B}"}, environment, problems) == {"a": None, "b": None}
    assert [str(problem) for problem in problems] == [
        "file.yaml: a: the file that A_FILE names cannot be read (FileNotFoundError)",
        "file.yaml: b: the file that B_FILE names cannot be read (UnicodeDecodeError)",
    ]


@pytest.mark.requirement("CF-02")
def test_every_unset_variable_is_reported_with_file_key_and_name() -> None:
    problems = Problems("file.yaml")
    tree = {"a": {"b": "${ONE}"}, "c": ["ok", "${TWO}"], "d": "${THREE, fine}"}

    assert substitute(tree, Environment({}), problems) == {"a": {"b": None}, "c": ["ok", None], "d": "fine"}
    assert [str(problem) for problem in problems] == [
        "file.yaml: a.b: the environment variable ONE is not set and has no default",
        "file.yaml: c[1]: the environment variable TWO is not set and has no default",
    ]


def test_only_variables_without_a_default_are_required() -> None:
    tree = {"a": "${ONE}-${TWO, x}", "b": ["${THREE:}", "${FOUR}"], "c": 1}

    assert list(required_variables(tree)) == ["ONE", "FOUR"]
