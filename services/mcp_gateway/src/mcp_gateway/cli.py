"""The command line of the MCP gateway."""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from authproxy_common.cli import Service, command_line
from authproxy_common.clock import utc_now
from authproxy_common.config import Loaded

if TYPE_CHECKING:
    from authproxy_common.doctor import Check, Vantage
    from mcp_gateway.settings import GatewaySettings
    from mcp_gateway.tokens.key_rotation import Rotation

_YEAR = 365 * 24 * 60 * 60


def load(path: Path, variables: Mapping[str, str]) -> "Loaded[GatewaySettings]":
    """See `Service`."""
    from mcp_gateway.settings import load_settings

    return load_settings(path, variables)


def serve(loaded: "Loaded[GatewaySettings]") -> Awaitable[None]:
    """See `Service`."""
    from mcp_gateway.serving import run

    return run(loaded)


def examined(settings: "GatewaySettings", vantage: "Vantage") -> AbstractAsyncContextManager[Sequence["Check"]]:
    """See `Service`."""
    from mcp_gateway.doctor import examined

    return examined(settings, vantage)


@click.command(
    help="Make a ring of signing keys, or put a new key in front of one; the gateways are restarted with it afterwards."
)
@click.option("--file", "path", required=True, type=click.Path(path_type=Path), help="Holds the ring; made if missing.")
@click.option(
    "--signs-in",
    default=900,
    show_default=True,
    metavar="SECONDS",
    type=click.IntRange(0, _YEAR),
    help="Until the new key signs; by then every gateway has to be restarted, and five minutes more have passed.",
)
@click.option(
    "--keep",
    default=24 * 60 * 60,
    show_default=True,
    metavar="SECONDS",
    type=click.IntRange(0, _YEAR),
    help="That a key verifies after it has signed last; has to exceed access_token_ttl_seconds.",
)
def rotate(path: Path, signs_in: int, keep: int) -> None:
    from mcp_gateway.tokens.key_file import rotate_key_file
    from mcp_gateway.tokens.key_rotation import RotationRefused

    try:
        rotation = rotate_key_file(path, utc_now, timedelta(seconds=signs_in), timedelta(seconds=keep))
    except RotationRefused as refusal:
        raise click.ClickException(str(refusal)) from refusal
    for line in _account_of(rotation, utc_now()):
        click.echo(line)


def _account_of(rotation: "Rotation", now: datetime) -> Iterator[str]:
    """A line for each key, by its public name."""
    yield from rotation.ring.account(now)
    for key in rotation.dropped:
        yield f"{key.kid} dropped"


main = command_line(
    Service(
        "mcp-gateway",
        "The MCP gateway: OAuth for MCP clients, proxy to MCP servers.",
        load,
        serve,
        examined,
        key_commands=[rotate],
    )
)
