"""The command line that both services have: `serve`, `check`, and what a service adds."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import click
import uvloop

from authproxy_common.config import Loaded, SettingsError
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.http.serving import PortTakenError

S = TypeVar("S")

_CONFIG = click.option(
    "--config",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="The YAML file; ${VARIABLES} in it come from the environment.",
)


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """A service as the command line sees it.

    Args:
        name: Of the command.
        summary: One line for `--help`.
        load: Reads its settings; raises SettingsError.
        serve: Runs it until it is told to stop.
        commands: That it has beside `serve` and `check`.
    """

    name: str
    summary: str
    load: Callable[[Path, Any], Loaded[S]]
    serve: Callable[[Loaded[S]], Awaitable[None]]
    commands: Sequence[click.Command] = ()


def command_line(service: Service[S]) -> click.Group:
    """The `click` command of `service`."""

    @click.group(name=service.name, help=service.summary)
    def group() -> None: ...

    @group.command(help="Serve until SIGTERM or Ctrl-C.")
    @_CONFIG
    def serve(path: Path) -> None:
        loaded = _load_or_exit(service, path)
        try:
            _run(service.serve(loaded))
        except (PortTakenError, TemporarilyUnavailable) as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(130)

    @group.command(help="Report every problem of the configuration; exit 1 if there is one.")
    @_CONFIG
    def check(path: Path) -> None:
        loaded = _load_or_exit(service, path)
        for warning in loaded.warnings:
            click.echo(f"warning: {warning}", err=True)
        click.echo(f"{path}: ok")

    for command in service.commands:
        group.add_command(command)
    return group


def _load_or_exit(service: Service[S], path: Path) -> Loaded[S]:
    try:
        return service.load(path, os.environ)
    except SettingsError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(1)


def _run(serving: Awaitable[None]) -> None:
    async def run() -> None:
        await serving

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
