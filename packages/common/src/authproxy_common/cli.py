"""The command line that both services have: `serve`, `check`, `doctor`, `keys`, and what a service adds.

What a command stands on is imported when it runs, here and in the services' own: to `serve` the doctor would be a part
of the start, and `--help` and a mistake in the configuration need next to nothing.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from authproxy_common.clock import utc_now
from authproxy_common.config import Loaded, SettingsError
from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.frozen import frozen

if TYPE_CHECKING:
    from authproxy_common.doctor import Check, Report, Vantage

S = TypeVar("S")
R = TypeVar("R")

# At most, one after the other; it is then the request that times out, with words for who did not answer.
_REQUESTS_OF_A_CHECK = 2

_CONFIG = click.option(
    "--config",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="The YAML file; ${VARIABLES} in it come from the environment.",
)


@frozen
class Service(Generic[S]):
    """A service as the command line sees it.

    Args:
        name: Of the command.
        summary: One line for `--help`.
        load: Reads its settings; raises SettingsError.
        serve: Runs it until it is told to stop; imports the service when it is called, before it is awaited.
        examined: What its doctor looks at, from where it is told; closes in the end what that needs.
        key_commands: Below `keys`, that it has beside `new`.
    """

    name: str
    summary: str
    load: Callable[[Path, Any], Loaded[S]]
    serve: Callable[[Loaded[S]], Awaitable[None]]
    examined: Callable[[S, "Vantage"], AbstractAsyncContextManager[Sequence["Check"]]]
    key_commands: Sequence[click.Command] = ()


def command_line(service: Service[S]) -> click.Group:
    """The `click` command of `service`."""

    @click.group(name=service.name, help=service.summary)
    def group() -> None: ...

    @group.command(help="Serve until SIGTERM or Ctrl-C.")
    @_CONFIG
    def serve(path: Path) -> None:
        with _collections_put_off():
            loaded = _load_or_exit(service, path)
            from authproxy_common.http.serving import PortTakenError

            serving = service.serve(loaded)
        try:
            _run(serving)
        except (PortTakenError, TemporarilyUnavailable) as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(130)

    @group.command(help="Report every problem of the configuration; exit 1 if there is one.")
    @_CONFIG
    def check(path: Path) -> None:
        _load_and_warn(service, path)
        click.echo(f"{path}: ok")

    group.add_command(_doctor(service))
    group.add_command(click.Group("keys", commands=[_new_key, *service.key_commands], help="Make and rotate keys."))
    return group


def _doctor(service: Service[S]) -> click.Command:
    @click.command(
        help="Ask everything that the service needs whether it is as it has to be; exit 1 if something is not."
    )
    @_CONFIG
    @click.option("--json", "as_json", is_flag=True, help="Report to a program.")
    @click.option(
        "--timeout",
        default=10,
        show_default=True,
        metavar="SECONDS",
        type=click.IntRange(1, 600),
        help="Of a request.",
    )
    @click.option("--inside", is_flag=True, help="Here public URLs may be out of reach, as in many pods.")
    def doctor(path: Path, *, as_json: bool, timeout: int, inside: bool) -> None:
        settings = _load_and_warn(service, path).settings
        report = _run(_report(service, settings, timedelta(seconds=timeout), inside=inside))
        click.echo(report.to_json() if as_json else "\n".join(report.lines()))
        sys.exit(0 if report.is_healthy else 1)

    return doctor


async def _report(service: Service[S], settings: S, deadline: timedelta, *, inside: bool) -> "Report":
    from authproxy_common.doctor import Report, Vantage, examine
    from authproxy_common.http.client import open_http
    from authproxy_common.http.request_id import request_id_of_our_own

    with request_id_of_our_own() as request_id:
        async with open_http() as http:
            vantage = Vantage(http, utc_now, deadline, inside)
            async with service.examined(settings, vantage) as checks:
                return Report(service.name, request_id, await examine(checks, _REQUESTS_OF_A_CHECK * deadline))


@click.command("new", help="Print a new sealing key, for encryption_keys.")
def _new_key() -> None:
    from authproxy_common.records.sealing import generate_key

    click.echo(generate_key().reveal())


def _load_and_warn(service: Service[S], path: Path) -> Loaded[S]:
    loaded = _load_or_exit(service, path)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    return loaded


def _load_or_exit(service: Service[S], path: Path) -> Loaded[S]:
    try:
        return service.load(path, os.environ)
    except SettingsError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(1)


@contextmanager
def _collections_put_off() -> Iterator[None]:
    """For imports: what they make stays, and looking for garbage in it costs a tenth of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _run(work: Awaitable[R]) -> R:
    import uvloop

    async def run() -> R:
        return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
