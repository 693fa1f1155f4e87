"""`serve`, `check`, `doctor` and `keys new`, as an operator sees them."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from authproxy_common.cli import Service, command_line
from authproxy_common.config import Loaded, Problem, SettingsError
from authproxy_common.doctor import Check, Failed, Skipped, Vantage
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.http.request_id import current_request_id
from authproxy_common.http.serving import PortTakenError
from authproxy_common.records import SealingKeys
from authproxy_common.secret import Secret

pytestmark = pytest.mark.requirement("CF-02")

PROBLEMS = [Problem("a.yaml", "port", "must be a port"), Problem("a.yaml", "", "not valid YAML")]


@dataclass
class Sample:
    """A service that does as it is told."""

    loads: Loaded[str] = field(default_factory=lambda: Loaded("settings", ()))
    problems: list[Problem] = field(default_factory=list)
    error: Exception | None = None
    served: list[str] = field(default_factory=list)
    variables: Mapping[str, str] = field(default_factory=dict)
    finds: Exception | str = "as it should be"
    looked_from: Vantage | None = None
    closed: bool = False

    def load(self, path: Path, variables: Mapping[str, str]) -> Loaded[str]:
        self.variables = dict(variables)
        if self.problems:
            raise SettingsError(self.problems)
        return self.loads

    async def serve(self, loaded: Loaded[str]) -> None:
        if self.error:
            raise self.error
        self.served.append(loaded.settings)

    @asynccontextmanager
    async def examined(self, settings: str, vantage: Vantage) -> AsyncIterator[Sequence[Check]]:
        async def examine() -> str:
            if isinstance(self.finds, Exception):
                raise self.finds
            return f"{self.finds}; asks as {current_request_id()}"

        self.looked_from = vantage
        yield [Check(settings, examine)]
        self.closed = True

    def run(self, *arguments: str, key_commands: Sequence[click.Command] = ()) -> tuple[int, str, str]:
        service = Service("sample", "A sample.", self.load, self.serve, self.examined, key_commands)
        result = CliRunner(env={"SAMPLE_VARIABLE": "set"}).invoke(command_line(service), arguments)
        return result.exit_code, result.stdout, result.stderr


def test_check_says_so_when_nothing_is_wrong() -> None:
    assert Sample().run("check", "--config", "a.yaml") == (0, "a.yaml: ok\n", "")


@pytest.mark.parametrize("command", ["check", "serve", "doctor"])
def test_every_problem_is_reported_and_nothing_is_served(command: str) -> None:
    sample = Sample(problems=PROBLEMS)

    assert sample.run(command, "--config", "a.yaml") == (
        1,
        "",
        "error: a.yaml: port: must be a port\nerror: a.yaml: not valid YAML\n",
    )
    assert sample.served == []


@pytest.mark.requirement("CF-04")
def test_check_reports_warnings_and_still_succeeds() -> None:
    sample = Sample(loads=Loaded("settings", (Problem("a.yaml", "providers.okta", "left out"),)))

    code, output, errors = sample.run("check", "--config", "a.yaml")

    assert (code, output) == (0, "a.yaml: ok\n")
    assert errors == "warning: a.yaml: providers.okta: left out\n"


def test_serve_serves_what_was_loaded_from_the_environment() -> None:
    sample = Sample()

    assert sample.run("serve", "--config", "a.yaml") == (0, "", "")
    assert sample.served == ["settings"]
    assert sample.variables["SAMPLE_VARIABLE"] == "set"


@pytest.mark.requirement("OP-07", "OP-04")
@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(PortTakenError("cannot listen at ::1 port 80"), "cannot listen at ::1 port 80", id="port taken"),
        pytest.param(
            TemporarilyUnavailable("the store did not answer", dependency="redis"), "did not answer", id="store down"
        ),
    ],
)
def test_what_keeps_a_service_from_starting_is_said_in_one_line(error: Exception, message: str) -> None:
    code, output, errors = Sample(error=error).run("serve", "--config", "a.yaml")

    assert (code, output) == (1, "")
    assert message in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "serve", "doctor"])
def test_the_configuration_file_must_be_named(command: str) -> None:
    code, _, errors = Sample().run(command)

    assert code == 2
    assert "--config" in errors


@pytest.mark.requirement("OP-10")
@pytest.mark.parametrize(
    ("finds", "code", "line"),
    [
        pytest.param("fine", 0, "passed   settings: fine; asks as ", id="passed"),
        pytest.param(Skipped("is elsewhere", "go"), 0, "skipped  settings: is elsewhere\n         -> go", id="skipped"),
        pytest.param(Failed("is wrong", "mend"), 1, "failed   settings: is wrong\n         -> mend", id="failed"),
    ],
)
def test_the_doctor_says_what_it_found_and_fails_if_something_failed(
    finds: Exception | str, code: int, line: str
) -> None:
    sample = Sample(finds=finds)
    given, output, errors = sample.run("doctor", "--config", "a.yaml")

    assert (given, errors) == (code, "")
    assert output.startswith(line)
    request_id = output.rpartition("request id ")[2].strip()
    assert len(request_id) == 16
    assert output.count(request_id) == (2 if finds == "fine" else 1)
    assert sample.closed


@pytest.mark.requirement("OP-10")
@pytest.mark.parametrize(("finds", "code"), [("fine", 0), (Failed("is wrong", "mend"), 1)])
def test_the_doctor_reports_to_a_program(finds: Exception | str, code: int) -> None:
    sample = Sample(loads=Loaded("settings", (Problem("a.yaml", "b", "left out"),)), finds=finds)
    given, output, errors = sample.run("doctor", "--config", "a.yaml", "--json")

    assert (given, errors) == (code, "warning: a.yaml: b: left out\n")
    report = json.loads(output)
    assert (report["service"], report["healthy"]) == ("sample", code == 0)
    assert [check["name"] for check in report["checks"]] == ["settings"]


@pytest.mark.requirement("OP-10")
@pytest.mark.parametrize(
    ("options", "deadline", "inside"),
    [([], timedelta(seconds=10), False), (["--timeout", "5", "--inside"], timedelta(seconds=5), True)],
)
def test_the_doctor_looks_from_where_it_is_told(options: list[str], deadline: timedelta, inside: bool) -> None:
    sample = Sample()
    assert sample.run("doctor", "--config", "a.yaml", *options)[0] == 0
    assert sample.looked_from
    assert (sample.looked_from.deadline, sample.looked_from.inside) == (deadline, inside)


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "601"])
def test_the_doctor_waits_for_a_time_that_has_an_end(timeout: str) -> None:
    assert Sample().run("doctor", "--config", "a.yaml", "--timeout", timeout)[0] == 2


@pytest.mark.requirement("ST-03")
def test_a_new_sealing_key_is_printed_and_is_another_one_each_time() -> None:
    (code, first, errors), (_, second, _) = Sample().run("keys", "new"), Sample().run("keys", "new")

    assert (code, errors) == (0, "")
    assert first != second
    sealed = SealingKeys([Secret(first.strip())]).seal(b"value", "purpose")
    assert SealingKeys([Secret(second.strip()), Secret(first.strip())]).open(sealed, "purpose") == b"value"


def test_a_service_has_commands_for_keys_of_its_own() -> None:
    own = click.Command("own", callback=lambda: click.echo("done"))

    assert Sample().run("keys", "own", key_commands=[own]) == (0, "done\n", "")
