"""`${NAME}` in configuration: what it becomes, and what is said when it can become nothing."""

import base64
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


@pytest.mark.requirement("CF-02")
def test_a_file_that_holds_no_value_is_a_problem_that_names_it_and_not_the_default(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    paths = {f"{name.upper()}_FILE": f"{tmp_path}/{name}" for name in ("absent", "binary", "empty")}
    problems, environment = Problems("file.yaml"), Environment({**paths, "DIRECTORY_FILE": str(tmp_path)})
    tree = {"a": "${ABSENT, x}", "b": "${BINARY}", "c": "${EMPTY, x}", "d": "${DIRECTORY}"}

    assert substitute(tree, environment, problems) == dict.fromkeys(tree)
    assert [str(problem) for problem in problems] == [
        f"file.yaml: a: the file {tmp_path}/absent, which ABSENT_FILE names, cannot be read: No such file or directory",
        f"file.yaml: b: the file {tmp_path}/binary, which BINARY_FILE names, is not UTF-8 text",
        f"file.yaml: c: the file {tmp_path}/empty, which EMPTY_FILE names, is empty",
        f"file.yaml: d: the file {tmp_path}, which DIRECTORY_FILE names, cannot be read: Is a directory",
    ]


@pytest.mark.requirement("OP-02")
@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(base64.b64encode(bytes([252] * 32)).decode(), id="a sealing key that begins with a slash"),
        pytest.param("rediss://app:hunter2@redis.test:6379/0", id="the URL of a store"),
        pytest.param("-----BEGIN PRIVATE KEY-----\n" + "MIIsecret" * 300, id="a signing key, longer than any path"),
        pytest.param("hunter2", id="a password"),
        pytest.param("/hunter2", id="a password that begins with a slash"),
    ],
)
def test_a_secret_in_place_of_the_path_to_it_is_not_repeated(secret: str) -> None:
    problems = Problems("file.yaml")

    assert substitute("${KEY}", Environment({"KEY_FILE": secret}), problems, "key") is None
    (problem,) = problems
    assert problem.message.startswith("the file that KEY_FILE names cannot be read: ")
    assert secret not in problem.message


@pytest.mark.requirement("CF-02")
def test_every_unset_variable_is_reported_with_file_key_and_name() -> None:
    problems = Problems("file.yaml")
    tree = {"a": {"b": "${ONE}"}, "c": ["ok", "${TWO}"], "d": "${THREE, fine}"}

    assert substitute(tree, Environment({}), problems) == {"a": {"b": None}, "c": ["ok", None], "d": "fine"}
    assert [str(problem) for problem in problems] == [
        "file.yaml: a.b: the environment variable ONE is not set, nor ONE_FILE, and there is no default",
        "file.yaml: c[1]: the environment variable TWO is not set, nor TWO_FILE, and there is no default",
    ]


def test_only_variables_without_a_default_are_required() -> None:
    tree = {"a": "${ONE}-${TWO, x}", "b": ["${THREE:}", "${FOUR}"], "c": 1}

    assert list(required_variables(tree)) == ["ONE", "FOUR"]
