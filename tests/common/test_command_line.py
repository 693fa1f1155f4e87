"""`serve` and `check`, as an operator sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from authproxy_common.cli import Service, command_line
from authproxy_common.config import Loaded, Problem, SettingsError
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.http.serving import PortTakenError

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

    def load(self, path: Path, variables: Mapping[str, str]) -> Loaded[str]:
        self.variables = dict(variables)
        if self.problems:
            raise SettingsError(self.problems)
        return self.loads

    async def serve(self, loaded: Loaded[str]) -> None:
        if self.error:
            raise self.error
        self.served.append(loaded.settings)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        service = Service("sample", "A sample.", self.load, self.serve)
        result = CliRunner(env={"SAMPLE_VARIABLE": "set"}).invoke(command_line(service), arguments)
        return result.exit_code, result.stdout, result.stderr


def test_check_says_so_when_nothing_is_wrong() -> None:
    assert Sample().run("check", "--config", "a.yaml") == (0, "a.yaml: ok\n", "")


@pytest.mark.parametrize("command", ["check", "serve"])
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


@pytest.mark.parametrize("command", ["check", "serve"])
def test_the_configuration_file_must_be_named(command: str) -> None:
    code, _, errors = Sample().run(command)

    assert code == 2
    assert "--config" in errors


def test_a_service_has_commands_of_its_own_beside_the_two() -> None:
    own = click.Command("own", callback=lambda: click.echo("done"))
    sample = Sample()
    service = Service("sample", "A sample.", sample.load, sample.serve, commands=[own])

    assert CliRunner().invoke(command_line(service), ["own"]).output == "done\n"
    assert set(command_line(service).commands) == {"serve", "check", "own"}
